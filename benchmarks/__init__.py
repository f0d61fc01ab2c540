"""Scripts that measure how fast the suite is; nothing else imports them."""
