package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"mimamori"
	"mimamori/brands"
	"mimamori/mailcheck"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
)

type checkMailCmd struct {
	Brands       []string  `help:"Further brand files, or folders of them."`
	DNS          string    `name:"dns" help:"Recorded DNS: a JSON file, name to list of TXT records. Without it the DNS is asked." placeholder:"RECORDED.json"`
	At           time.Time `help:"Judge signatures as of this time (RFC 3339). Without it, as of the time of receipt that the mail tells." placeholder:"TIME"`
	EnvelopeFrom string    `help:"The sender that the mail was delivered with (MAIL FROM)." placeholder:"ADDRESS"`
	ClientIP     string    `name:"client-ip" help:"The address that delivered it."`
	Helo         string    `help:"The name that the delivering server gave."`
	Trusted      []string  `help:"Names of mail servers whose topmost Authentication-Results are believed." placeholder:"AUTHSERV-ID"`
	Text         bool      `help:"The files are pasted text or a link: leave any header out of account."`
	Files        []string  `arg:"" name:"file" help:"Mails (.eml), or texts with --text; - is standard input."`
}

// answer is the line that is printed for a file.
type answer struct {
	File string `json:"file"`
	mailcheck.Result
}

// Run judges each file. One that cannot be read as a mail gets its line too,
// so that a batch goes on; one that is not there is an error.
func (cmd *checkMailCmd) Run(ctx context.Context, s *streams) error {
	checker, err := cmd.checker()
	if err != nil {
		return err
	}
	var ip netip.Addr
	if cmd.ClientIP != "" {
		if ip, err = netip.ParseAddr(cmd.ClientIP); err != nil {
			return withHint(fmt.Errorf("--client-ip: %w", mimamori.ErrInvalid), "give an IP address, as in --client-ip 192.0.2.1")
		}
	}
	out := json.NewEncoder(s.out)
	out.SetEscapeHTML(false)
	for _, name := range cmd.Files {
		raw, err := readInput(name, s.in)
		if err != nil {
			return withHint(err, "give the files of the mails, saved with their whole source (.eml)")
		}
		r, err := cmd.judge(ctx, checker, raw, ip)
		if refused, ok := errors.AsType[*message.Refused](err); ok {
			r = mailcheck.Unreadable("mail.refused", refused.Error())
		} else if errors.Is(err, mimamori.ErrInvalid) {
			r = mailcheck.Unreadable("mail.unreadable", "")
		} else if err != nil {
			return err
		}
		if err := out.Encode(answer{name, r}); err != nil {
			return fmt.Errorf("print verdict: %w", err)
		}
	}
	return nil
}

func (cmd *checkMailCmd) judge(ctx context.Context, c *mailcheck.Checker, raw []byte, ip netip.Addr) (mailcheck.Result, error) {
	if cmd.Text {
		return c.CheckText(ctx, string(raw), true)
	}
	m, err := message.Read(raw)
	if _, refused := errors.AsType[*message.Refused](err); err != nil && !refused || err == nil && headless(m) {
		return c.CheckText(ctx, string(raw), true) // no header: somebody saved what he saw
	}
	if err != nil {
		return mailcheck.Result{}, err
	}
	return c.Check(ctx, mailcheck.Mail{Message: m, At: cmd.At, EnvelopeFrom: cmd.EnvelopeFrom, ClientIP: ip, HELO: cmd.Helo}), nil
}

// headless says whether nothing of a mail's header is there, though its first
// lines were read as one.
func headless(m *message.Message) bool {
	for _, name := range []string{"From", "To", "Subject", "Date", "Received", "Message-ID", "Content-Type", "MIME-Version"} {
		if len(m.Header.All(name)) > 0 && (name != "Content-Type" || m.Header[0].Name != "") {
			return false
		}
	}
	return true
}

func (cmd *checkMailCmd) checker() (*mailcheck.Checker, error) {
	all, err := brands.Load(cmd.Brands...)
	if err != nil {
		return nil, withHint(err, "mimamori brands lint FILE says what is wrong with a brand file")
	}
	var dns auth.Resolver = net.DefaultResolver
	if cmd.DNS != "" {
		f, err := os.Open(cmd.DNS)
		if err != nil {
			return nil, withHint(fmt.Errorf("recorded DNS: %w", err), "--dns names a JSON file: {\"name\": [\"TXT record\", ...], ...}")
		}
		defer f.Close()
		if dns, err = auth.ReadRecorded(f); err != nil {
			return nil, withHint(fmt.Errorf("recorded DNS %s: %w", cmd.DNS, err), "--dns names a JSON file: {\"name\": [\"TXT record\", ...], ...}")
		}
	}
	return mailcheck.New(mailcheck.Options{Brands: all, DNS: dns, Trusted: cmd.Trusted}), nil
}

// readInput reads a file, or standard input, up to what a mail may have and
// one byte more, by which the reader sees that it is too large.
func readInput(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read mail: %w", err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, message.MostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read mail %s: %w", name, err)
	}
	return raw, nil
}

type brandsCmd struct {
	Lint brandsLintCmd `cmd:"" help:"Say what should be mended in brand files: ours, and those given."`
}

type brandsLintCmd struct {
	Files []string `arg:"" optional:"" name:"file" help:"Brand files, or folders of them, that are loaded beside ours."`
}

// Run prints a line for each thing that should be mended; any is an error.
func (cmd *brandsLintCmd) Run(s *streams) error {
	all, err := brands.Load(cmd.Files...)
	if err != nil {
		return withHint(err, "the contract of brand files is in docs/mailcheck.md")
	}
	problems := brands.Lint(all, time.Now())
	for _, p := range problems {
		fmt.Fprintln(s.out, p)
	}
	if len(problems) > 0 {
		return withHint(fmt.Errorf("brand files: %d things to mend: %w", len(problems), mimamori.ErrInvalid), "each line above names brand, field and fault")
	}
	fmt.Fprintf(s.out, "%d brands, nothing to mend\n", len(all))
	return nil
}
