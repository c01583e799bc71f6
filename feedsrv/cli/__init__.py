"""The command line of the service: one file for each noun, whose bodies are a call and an echo."""
