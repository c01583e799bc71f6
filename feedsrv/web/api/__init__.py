"""The JSON API: everything the console can do, for programs that come with a token."""
