package auth

import (
	"bufio"
	"bytes"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"mimamori/mail"
	"mimamori/mailcheck/message"
)

// judged is what the other implementation says of a mail; ARC or DMARC is
// empty where it has no opinion.
type judged struct {
	File, ARC, DMARC, Error string
	DKIM                    []struct{ Domain, Selector, Outcome, Why string }
}

// job is a mail for it to judge.
type job struct {
	File string `json:"file"`
	At   string `json:"at"`
}

// theOther runs another implementation, as integrations/mailauth and
// integrations/dkimpy set it up: a command that takes the file of jobs.
func theOther(t *testing.T, dns map[string][]string, jobs []job) map[string]judged {
	t.Helper()
	command := strings.Fields(os.Getenv("MIMAMORI_OTHER"))
	if len(command) == 0 {
		t.Skip("SKIPPED: part of make test-integrations")
	}
	raw, err := json.Marshal(map[string]any{"dns": dns, "mails": jobs})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jobs.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], file)...)
	cmd.Stderr = &said
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, said.String())
	}
	out := map[string]judged{}
	for lines := bufio.NewScanner(bytes.NewReader(answer)); lines.Scan(); {
		var j judged
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		out[j.File] = j
	}
	return out
}

// TestC05_NoticesVerifyInAnotherImplementation: a notice as we send it, with
// both its signatures and aligned, in both languages; and none of it when a
// word was changed.
func TestC05_NoticesVerifyInAnotherImplementation(t *testing.T) {
	key, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := newShop("notice.shop.example")
	keys := []mail.Key{{Domain: s.domain, Selector: "r1", Signer: key}, {Domain: s.domain, Selector: "e1", Signer: s.key}}
	dns := map[string][]string{"_dmarc." + s.domain: {"v=DMARC1; p=reject; adkim=s; psd=n"}}
	for _, k := range keys {
		name, value, err := k.Record()
		if err != nil {
			t.Fatal(err)
		}
		dns[name] = []string{value}
	}
	dir, at := t.TempDir(), time.Now().UTC().Truncate(time.Second)
	var jobs []job
	for name, m := range map[string]mail.Message{
		"ja": {Subject: "【重要】第三者によるログインの可能性について", Body: "お客様\n\n第三者がログインした可能性があります。\n確認番号 7K3M9-QX2VT\n", Lang: "ja"},
		"en": {Subject: "Someone else may have signed in to your account", Body: "Dear customer,\n\nSomeone else may have signed in.\nReference 7K3M9-QX2VT\n.\nFrom us\n", Lang: "en"},
	} {
		m.From, m.To = mail.Address{Name: "ひかり商店", Addr: "security@" + s.domain}, mail.Address{Addr: "hanako@mail.example"}
		m.Date, m.MessageID = at, mail.NewMessageID(s.domain)
		raw, err := mail.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := mail.Sign(raw, keys)
		if err != nil {
			t.Fatal(err)
		}
		for suffix, content := range map[string][]byte{"": signed, "-bent": bytes.Replace(signed, []byte("\r\n\r\n"), []byte("\r\n\r\nX"), 1)} {
			file := filepath.Join(dir, name+suffix+".eml")
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, job{file, at.Add(time.Minute).Format(time.RFC3339)})
		}
	}
	for file, j := range theOther(t, dns, jobs) {
		bent := strings.HasSuffix(file, "-bent.eml")
		if len(j.DKIM) != 2 || j.DMARC != "" && (j.DMARC == "pass") == bent {
			t.Errorf("%s: %+v", filepath.Base(file), j)
		}
		for _, d := range j.DKIM {
			if (d.Outcome == "pass") == bent {
				t.Errorf("%s: signature %s of %s: %s %s", filepath.Base(file), d.Selector, d.Domain, d.Outcome, d.Why)
			}
		}
	}
}

// TestAgainstTheOther compares the two on a folder of real mails that is not
// part of this tree, and lists where they differ. What is not recorded does
// not exist for either.
func TestAgainstTheOther(t *testing.T) {
	dir := os.Getenv("MIMAMORI_MAIL_CORPUS")
	if dir == "" {
		t.Skip("SKIPPED: MIMAMORI_MAIL_CORPUS names no folder of .eml files with recorded-dns.json")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "recorded-dns.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dns map[string][]string
	if err := json.Unmarshal(raw, &dns); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.eml"))
	sort.Strings(files)
	ours, jobs := map[string]Result{}, []job{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := message.Read(raw)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		at, _ := m.ReceivedAt(time.Now())
		ours[file] = checked(t, string(raw), zoneOf(dns), at)
		jobs = append(jobs, job{file, at.Format(time.RFC3339)})
	}
	signatures, differ := 0, 0
	for file, theirs := range theOther(t, dns, jobs) {
		if theirs.Error != "" {
			t.Logf("%s: they fail: %s", filepath.Base(file), theirs.Error)
			continue
		}
		our := ours[file]
		passes := map[string]bool{}
		for _, s := range our.DKIM {
			passes[s.Domain+"/"+s.Selector] = passes[s.Domain+"/"+s.Selector] || s.Outcome == Pass
		}
		for _, d := range theirs.DKIM {
			signatures++
			if (d.Outcome == "pass") != passes[d.Domain+"/"+d.Selector] {
				differ++
				t.Logf("DIFFER %s: signature %s/%s: they %s (%s), we pass=%v", filepath.Base(file), d.Domain, d.Selector, d.Outcome, d.Why, passes[d.Domain+"/"+d.Selector])
			}
		}
		if theirs.ARC != "" && (theirs.ARC == "pass") != (our.ARC.Outcome == Pass) {
			differ++
			t.Logf("DIFFER %s: ARC: they %s, we %s %s", filepath.Base(file), theirs.ARC, our.ARC.Outcome, our.ARC.Reason)
		}
		if theirs.DMARC != "" && (theirs.DMARC == "pass") != (our.DMARC.Outcome == Pass) {
			differ++
			t.Logf("DIFFER %s: DMARC: they %s, we %s", filepath.Base(file), theirs.DMARC, our.DMARC.Outcome)
		}
	}
	t.Logf("%d mails, %d signatures, %d differences", len(jobs), signatures, differ)
	if differ > 0 {
		t.Errorf("%d differences", differ)
	}
}

// TestBentAgainstTheOther compares the two on forgeries: mails signed, sealed
// and bent as in TestForgeriesDoNotPass.
func TestBentAgainstTheOther(t *testing.T) {
	if os.Getenv("MIMAMORI_OTHER") == "" {
		t.Skip("SKIPPED: part of make test-integrations")
	}
	s, list := newShop("shop.example"), newShop("list.example")
	var err error
	if list.rsa, err = rsa.GenerateKey(cryptorand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	txt := s.dns()
	name, value, err := mail.Key{Domain: list.domain, Selector: "s1", Signer: list.rsa}.Record()
	if err != nil {
		t.Fatal(err)
	}
	txt[name] = []string{value}
	// Not the last and the thirteenth: mailauth decodes base64 up to the first
	// padding and passes over what follows, dkimpy wants seals in order; RFC
	// 6376 section 3.5 and RFC 8617 section 5.1.1 say otherwise.
	compared := slices.Concat(bends[:12], bends[13:len(bends)-1])
	r := rand.New(rand.NewPCG(6, 6))
	signed := s.sign(t, plain, nil)
	originals := []string{signed, s.sign(t, plain, func(o *dkim.SignOptions) { o.HeaderCanonicalization, o.BodyCanonicalization = "simple", "simple" }),
		s.signTags(t, plain, "l=27;", "From:Subject"), list.seal(t, list.seal(t, signed, 1, "none"), 2, "pass")}
	dir, jobs, ours := t.TempDir(), []job{}, map[string]Result{}
	for i := range 300 {
		raw := originals[i%len(originals)]
		for range r.IntN(3) {
			raw = compared[r.IntN(len(compared))](r, raw)
		}
		m, err := message.Read([]byte(raw))
		if err != nil || flawed(m) {
			continue
		}
		file := filepath.Join(dir, fmt.Sprintf("%03d.eml", i))
		if err := os.WriteFile(file, m.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
		ours[file] = checked(t, raw, zoneOf(txt), time.Now().Add(time.Hour))
		jobs = append(jobs, job{file, time.Now().Add(time.Hour).Format(time.RFC3339)})
	}
	for file, theirs := range theOther(t, txt, jobs) {
		our := ours[file]
		passed := 0
		for _, d := range theirs.DKIM {
			if d.Outcome == "pass" {
				passed++
			}
		}
		if raw, _ := os.ReadFile(file); theirs.Error != "" || passed != len(our.Passed()) || theirs.ARC != "" && (theirs.ARC == "pass") != (our.ARC.Outcome == Pass) {
			t.Errorf("they: %d pass, ARC %s (%s); we: %d pass, ARC %s:\n%s", passed, theirs.ARC, theirs.Error, len(our.Passed()), our.ARC.Outcome, raw)
		}
	}
	t.Logf("%d bent mails compared", len(jobs))
}

// flawed mails are left out of the comparison: which of the lines of a broken
// header belong to it is anybody's guess, and some refuse two From fields
// outright, where we say that the second is not signed.
func flawed(m *message.Message) bool {
	return slices.ContainsFunc(m.Flaws, func(f message.Flaw) bool { return f == message.BadField || f == message.TwoFrom || f == message.NoFrom })
}
