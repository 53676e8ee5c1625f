"""What one sitting at the screen remembers: lanes, where the person points, what was asked of the engine.

Does not know Textual, nor how anything is drawn.
"""
