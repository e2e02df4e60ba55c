"""What mails say, by language: a module each, with the same names in it."""
