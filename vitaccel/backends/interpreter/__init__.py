"""The Program run on integers: the machine's memories word by word, and the reference's arithmetic."""
