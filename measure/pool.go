package measure

import "slices"

// Pool adds worlds together.
func Pool(worlds []*Result) *Result {
	p := &Result{AfterLogin: map[string]*Part{}, Decided: map[string]*Part{}, Orders: map[string]*Part{}}
	for n, r := range worlds {
		p.Worlds += r.Worlds
		p.Genuine += r.Genuine
		p.All += r.All
		p.Days += r.Days
		p.Ours.pool(r.Ours)
		p.Published.pool(r.Published)
		p.HeldSessions.add(r.HeldSessions)
		p.DecidedHeld.add(r.DecidedHeld)
		p.AllOrders.add(r.AllOrders)
		pool(p.AfterLogin, r.AfterLogin)
		pool(p.Decided, r.Decided)
		pool(p.Orders, r.Orders)
		p.Contained += r.Contained
		p.False += r.False
		p.NotHeld += r.NotHeld
		p.ToHold = append(p.ToHold, r.ToHold...)
		for _, c := range r.Campaigns {
			c.World = n + 1
			p.Campaigns = append(p.Campaigns, c)
		}
		if p.Bins == nil {
			p.Bins = make([]Bin, len(r.Bins))
		}
		for i, b := range r.Bins {
			p.Bins[i].Sum, p.Bins[i].Attacks, p.Bins[i].Logins = p.Bins[i].Sum+b.Sum, p.Bins[i].Attacks+b.Attacks, p.Bins[i].Logins+b.Logins
		}
	}
	slices.Sort(p.ToHold)
	return p
}

func pool(to, from map[string]*Part) {
	for kind, part := range from {
		if to[kind] == nil {
			to[kind] = &Part{}
		}
		to[kind].add(*part)
	}
}

func (s *Score) pool(o Score) {
	if s.Recall == nil {
		*s = Score{Recall: map[string]map[float64]*Part{}, Ranks: map[string][]float64{}, Actual: map[float64]Part{}, Rebased: map[float64][]float64{}}
	}
	s.Worlds += o.Worlds
	for kind, rates := range o.Recall {
		if s.Recall[kind] == nil {
			s.Recall[kind] = map[float64]*Part{}
		}
		for rate, part := range rates {
			if s.Recall[kind][rate] == nil {
				s.Recall[kind][rate] = &Part{}
			}
			s.Recall[kind][rate].add(*part)
		}
	}
	for kind, ranks := range o.Ranks {
		s.Ranks[kind] = append(s.Ranks[kind], ranks...)
	}
	for rate, part := range o.Actual {
		was := s.Actual[rate]
		was.add(part)
		s.Actual[rate] = was
		s.Rebased[rate] = append(s.Rebased[rate], o.Rebased[rate]...)
	}
}

// Single are the attackers of one account each who sign in, in the order of
// the table.
var Single = []string{"naive", "vpn", "targeted", "very_targeted", "aitm", "return"}

// Together is the recall of several attackers at a rate, each counting alike
// however many of him there were.
func (s Score) Together(kinds []string, rate float64) float64 {
	var sum, n float64
	for _, kind := range kinds {
		if p := s.Recall[kind][rate]; p != nil && p.Of > 0 {
			sum += p.Share()
			n++
		}
	}
	return sum / n
}

// TogetherAUC is the area under the curve of several attackers alike.
func (s Score) TogetherAUC(kinds []string) float64 {
	var sum, n float64
	for _, kind := range kinds {
		if len(s.Ranks[kind]) > 0 {
			sum += AUC(s.Ranks[kind])
			n++
		}
	}
	return sum / n
}
