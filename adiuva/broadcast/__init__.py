"""Messages from any thread of any process to whoever listens at that moment (``adiuva.broadcast.port``)."""
