package profile

import (
	"fmt"
	"testing"
	"time"
)

// TestWhatFadedDoesNotLastByItself: a customer with more sessions than the list
// holds once had a strange one. Her others, which fade from the list and are
// taken up again, must not carry what spoke against it on and on.
func TestWhatFadedDoesNotLastByItself(t *testing.T) {
	var p Profile
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	strange := NamedOf(map[string]float64{"device_new": 3, "order_unusually_large": 2})
	p.KeepSession(Session{ID: "strange", Event: "e", Device: "tx", Agent: "Chrome Windows", Began: at, Last: at, Terms: strange})
	recalled := map[int]int{}
	for i := range 400 { // eight a day, thirty sessions in turn
		at = at.Add(3 * time.Hour)
		id := fmt.Sprint("s", i%30)
		if s, ok := p.Session(id); ok {
			s.Last = at
		} else if s, ok := p.Recall(id, at); ok {
			recalled[i/8]++
			s.Last = at
		} else {
			p.KeepSession(Session{ID: id, Event: "e", Device: "th", Agent: "Safari iPhone", Began: at, Last: at, Known: false})
		}
	}
	if len(recalled) == 0 {
		t.Fatal("nothing faded: the test shows nothing")
	}
	for day := range recalled {
		if day > 10 {
			t.Fatalf("a session of day %d is still held for the strange one of day 0 (%v)", day, recalled)
		}
	}
}

// TestWhatARecalledSessionDoesIsKept: the intruder whose session faded and was
// taken up again does more; that counts against him when it fades once more.
func TestWhatARecalledSessionDoesIsKept(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	p := Profile{Faded: Weights{{"device_new", 3}}, FadedAt: at}
	s, ok := p.Recall("his", at.Add(time.Hour))
	if !ok {
		t.Fatal("it is not recalled")
	}
	s.Terms = s.Terms.With("address_added", 2.5)
	at = at.Add(2 * time.Hour)
	for i := range MaxSessions + 3 {
		p.KeepSession(Session{ID: fmt.Sprint("s", i), Event: "e", Device: "th", Agent: "Safari iPhone", Began: at, Last: at.Add(time.Duration(i) * time.Minute)})
	}
	if _, on := p.Session("his"); on {
		t.Fatal("it has not faded: the test shows nothing")
	}
	if p.Faded.Value("address_added") != 2.5 || p.Faded.Value("device_new") != 3 {
		t.Fatalf("kept of it: %v", p.Faded)
	}
}
