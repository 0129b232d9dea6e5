"""The demos: one folder an app, all of the same form. Not part of the wheel; they stay with the clone."""
