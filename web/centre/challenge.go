package centre

import (
	"net/http"
	"slices"

	"mimamori"
)

func (c *centre) challenge(w http.ResponseWriter, r *http.Request) {
	ch, err := c.opt.Service.Challenge(r.Context(), c.browser(w, r), r.PathValue("id"))
	c.showChallenge(w, r, ch, err)
}

func (c *centre) showChallenge(w http.ResponseWriter, r *http.Request, ch Challenge, err error) {
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showProof(w, r, "challenge", proofPage{Proof: ch.Proof, Kind: "challenge", At: "/challenge/" + r.PathValue("id"), Challenge: ch})
}

func (c *centre) challengeMoved(w http.ResponseWriter, r *http.Request, ch Challenge, err error) {
	if err != nil || ch.Problem != NoProblem {
		c.showChallenge(w, r, ch, err)
		return
	}
	c.back(w, r, "/challenge/"+r.PathValue("id"), "")
}

func (c *centre) sendChallengeCode(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	ch, err := c.opt.Service.SendChallengeCode(r.Context(), c.browser(w, r), r.PathValue("id"), r.PostFormValue("reach"))
	c.challengeMoved(w, r, ch, err)
}

func (c *centre) answerChallenge(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v, id, by, code := c.browser(w, r), r.PathValue("id"), Method(r.PostFormValue("by")), typedCode(r)
	if code == "" {
		ch, err := c.opt.Service.Challenge(r.Context(), v, id)
		ch.Problem = EmptyField
		c.showChallenge(w, r, ch, err)
		return
	}
	if !slices.Contains(Methods, by) || by == ByPasskey {
		c.fail(w, r, mimamori.ErrInvalid)
		return
	}
	ch, err := c.opt.Service.AnswerChallenge(r.Context(), v, id, by, code)
	c.challengeMoved(w, r, ch, err)
}
