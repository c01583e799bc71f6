"""What goes to logs: `logs` writes lines, `events` numbers what people act on."""
