"""A user's own files made into a data set: read and compared here, written as a folder with card, tasks and suite."""
