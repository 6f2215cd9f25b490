"""Commands on their way down: how each format has them (`encode`), and handing them to the broker (`runner`)."""
