package console

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"mimamori"
)

// reasonCookie keeps, for the browser's session, why its reader opened which
// incidents, so that he is asked once for each. It is his own word about
// himself: nothing trusts it but the audit log, which writes down that he said
// so.
const reasonCookie = "mimamori-why"

// maxReasons is for how many incidents the cookie remembers.
const maxReasons = 8

// Reasons are the catalogue keys offered; "other" wants words.
var Reasons = []string{"work", "call", "second", "check", "other"}

// reason is why this reader looks at this incident; empty: not said yet.
func (c *console) reason(r *http.Request, id mimamori.IncidentID) string {
	for _, kept := range c.reasons(r) {
		if of, why, ok := strings.Cut(kept, "="); ok && of == string(id) {
			text, err := base64.RawURLEncoding.DecodeString(why)
			if err == nil {
				return clip(string(text), 200)
			}
		}
	}
	return ""
}

func (c *console) reasons(r *http.Request) []string {
	cookie, err := r.Cookie(c.cookieName(reasonCookie))
	if err != nil || cookie.Value == "" {
		return nil
	}
	return strings.Split(cookie.Value, ".")
}

// giveReason keeps the reason and opens the incident.
func (c *console) giveReason(w http.ResponseWriter, r *http.Request, me Reader) {
	id := mimamori.IncidentID(r.PathValue("id"))
	if !c.keepReason(w, r, string(id)) {
		c.showStatus(w, r, http.StatusBadRequest, "reason", Frame{Me: me, Section: "queue", Problem: "reason", V: Ask{ID: id}})
		return
	}
	c.back(w, r, "/incidents/"+string(id), "")
}

// keepReason keeps the reason that a form gives, under what it is for; false
// when none was given.
func (c *console) keepReason(w http.ResponseWriter, r *http.Request, of string) bool {
	why, words := r.PostFormValue("why"), strings.TrimSpace(r.PostFormValue("words"))
	if !slices.Contains(Reasons, why) || why == "other" && words == "" {
		return false
	}
	if words != "" {
		why += ": " + clip(words, 190)
	}
	kept := slices.DeleteFunc(c.reasons(r), func(s string) bool { return strings.HasPrefix(s, of+"=") })
	kept = append(kept, of+"="+base64.RawURLEncoding.EncodeToString([]byte(why)))
	if len(kept) > maxReasons {
		kept = kept[len(kept)-maxReasons:]
	}
	c.setCookie(w, reasonCookie, strings.Join(kept, "."))
	return true
}

// Ask is the View of the page that asks for the reason.
type Ask struct {
	ID mimamori.IncidentID
	To string // of a sign-in instead: its reference
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
