"""Making masks: of files, of marks on single frames that are carried through the clip, of words.

The mask itself, and what it does to a result, is `inputs.masks.Mask`.
"""
