"""The console: a model manager API, and the web UI that uses it, with the rights of whoever is signed in."""
