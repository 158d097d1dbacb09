"""Questions about the bench itself: its gate, its noise, exercises and searches."""
