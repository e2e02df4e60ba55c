"""What a plugin's code reaches for, told and linked to its line, so that a reviewer need not find it by reading.

``syntax`` parses, ``scopes`` says what a name stands for, ``values`` works out what an expression can be without
running it. ``references`` (by the table in ``globals``), ``elements``, ``credentials``, ``obfuscation`` and
``permissions`` judge that. ``analysis`` puts a package's findings together, and ``child`` does so in a process of its
own that ``process`` starts, watches and believes nothing of. ``reader`` is what the pages ask.

Nothing here proves code harmless: it saves the time of looking for what is in the open, and tells what is hidden.
"""
