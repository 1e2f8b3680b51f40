package assess

// GroupOf is the kind of evidence that the signal of a name is; empty for an
// unknown name.
func GroupOf(name string) Group { return named(name, 0).Group }
