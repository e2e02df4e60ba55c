"""Which records a bulk wish means ("all overdue tasks of Website except the contact form").

Every word of such a wish must be understood: as a quantifier, a noun, a filter or a word that restricts nothing. One
word that is not means that nothing is done, and that word is named in a question.
"""
