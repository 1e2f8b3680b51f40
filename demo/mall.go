package demo

func mallActs(t *town) []act          { return nil }
func checkMall(e *evidence) []verdict { return nil }
