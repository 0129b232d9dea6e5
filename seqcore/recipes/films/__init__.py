"""Films made of photographs and of real motion, with the label of every frame known (after Souček & Lokoč 2020)."""
