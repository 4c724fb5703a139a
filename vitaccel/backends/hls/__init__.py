"""The accelerator as C++: what of its headers is made from definitions that others have too."""
