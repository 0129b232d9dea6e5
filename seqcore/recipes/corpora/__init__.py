"""Training files made of several data sets, with what is held out in none of them."""
