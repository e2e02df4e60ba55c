"""The admin's first page: what it is made of, how it is drawn, and the hook by which apps fill it. Imports no app."""
