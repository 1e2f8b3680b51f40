package intake

import (
	"sync"

	"mimamori/profile"
)

// agents remembers how user agent strings read: a shop's customers send few
// different ones, and reading one costs as much as all else that is asked of
// an event.
type agents struct {
	mu   sync.RWMutex // guards read
	read map[string]profile.Agent
}

// Whoever makes up a new one for each attempt empties the memory now and then,
// and no more.
const (
	mostAgents   = 4096
	longestAgent = 512
)

func (a *agents) parse(s string) profile.Agent {
	if len(s) > longestAgent {
		return profile.ParseAgent(s)
	}
	a.mu.RLock()
	agent, ok := a.read[s]
	a.mu.RUnlock()
	if ok {
		return agent
	}
	agent = profile.ParseAgent(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.read == nil || len(a.read) >= mostAgents {
		a.read = map[string]profile.Agent{}
	}
	a.read[s] = agent
	return agent
}
