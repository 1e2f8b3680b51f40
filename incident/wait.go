package incident

import "time"

// PutOff moves the end of an open wait because the wall clock was set ahead:
// the wait stays as long as was promised. Nothing makes it shorter.
func (i *Incident) PutOff(by time.Duration) {
	if by > 0 && !i.WaitUntil.IsZero() && (i.State == Contained || i.State == Waiting) {
		i.WaitUntil = i.WaitUntil.Add(by)
	}
}
