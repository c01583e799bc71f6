"""Letters for the words: the only room that knows the XML of our documents."""
