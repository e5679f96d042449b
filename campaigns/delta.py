"""Delta debugging: the smallest part of something that still shows what the whole shows."""


def smallest(items, shows):
    """A sublist, in its order, from which nothing can be taken away one by one; `shows(sublist)` is true of the whole.
    (Zeller and Hildebrandt, ddmin.)"""
    items = list(items)
    parts = 2
    if items and shows([]):
        return []
    while len(items) >= 2:
        size = -(-len(items) // parts)
        pieces = [items[at:at + size] for at in range(0, len(items), size)]
        for number, piece in enumerate(pieces):
            rest = [item for other, each in enumerate(pieces) if other != number for item in each]
            if len(pieces) > 2 and shows(piece):
                items, parts = piece, 2
                break
            if shows(rest):
                items, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(items):
                break
            parts = min(len(items), 2 * parts)
    return items


def least(number, low, shows):
    """The least number from `low` on that shows it still, by halving; it is true of `number`."""
    if number <= low or shows(low):
        return min(number, low)
    while number - low > 1:
        middle = (number + low) // 2
        if shows(middle):
            number = middle
        else:
            low = middle
    return number
