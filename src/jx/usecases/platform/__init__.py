"""Installing, showing, examining and removing a platform."""
