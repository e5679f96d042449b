"""What is wrong with what the user has given: one line that says what, where, and how to mend it."""


class Bad(Exception):
    pass


def needs(package, error):
    """A module that is not installed."""
    return Bad(f"{error.name} is not installed: apt-get install {package}")
