"""Charts, the apps that they become, and the versions and logins by which they are found."""
