"""Networks that train and are measured, in a process of its own: the only one that loads torch.

Does not know that there is a screen: it obeys commands and sends frames.
"""
