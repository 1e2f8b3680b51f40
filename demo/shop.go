package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"time"

	"mimamori/client"
	"mimamori/demoshop"
)

// The shop is a process of its own, as any shop is. Its settings come in on the
// first line of its standard input, because others on the machine can read a
// command line; the end of that input is the end of the demo, however it ended.

// shopSettings is that first line.
type shopSettings struct {
	DB, URL, Mimamori, Key, Secret, SMTP string
	Until                                time.Time // end of the seeded past
}

// shopLine is what the shop says on its standard output, one a line.
type shopLine struct {
	Lines int64 `json:"lines,omitempty"` // of the past, about to be sent
	Open  bool  `json:"open,omitempty"`
}

// importName is the name under which the shop sends its past.
const importName = "midori-history"

// RunShop is the shop's process: in and out are its standard input and output,
// and its address is the listener it was started with. It returns when in ends.
func RunShop(in io.Reader, out io.Writer) error {
	input := bufio.NewReader(in)
	first, err := input.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the shop's settings: %w", err)
	}
	var c shopSettings
	if err := json.Unmarshal(first, &c); err != nil {
		return fmt.Errorf("read the shop's settings: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, input) // until whoever started us is gone
		cancel()
	}()
	l, err := net.FileListener(os.NewFile(3, "shop"))
	if err != nil {
		return fmt.Errorf("the shop's address: %w", err)
	}
	return c.run(ctx, l, json.NewEncoder(out))
}

func (c shopSettings) run(ctx context.Context, l net.Listener, say *json.Encoder) (err error) {
	log, file, err := openLog(".", "shop.log")
	if err != nil {
		return err
	}
	defer file.Close()
	shop, err := demoshop.New(ctx, demoshop.Options{DB: c.DB, BaseURL: c.URL, WebhookSecrets: []string{c.Secret}, Demo: true, Logger: log,
		// A laptop that compiles beside the demo may be slow; a real shop keeps the default.
		Mimamori: client.Options{BaseURL: c.Mimamori, Key: c.Key, Source: source, Timeout: 3 * time.Second},
		Mail: func(_ context.Context, to, subject, body string) error {
			from := "shop@midori.example"
			return smtp.SendMail(c.SMTP, nil, from, []string{to}, demoshop.ComposeMail(from, to, subject, body, time.Now(), client.NewID("m")))
		}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.Close()) }()
	if err := c.past(ctx, shop, say); err != nil {
		return err
	}
	server := &http.Server{Handler: shop.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	shop.Start()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := say.Encode(shopLine{Open: true}); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = server.Shutdown(end) // it ends either way
	return nil
}

// past makes the customers' two months at the first start and sends them to
// Mimamori; a second start goes on where the first one stopped.
func (c shopSettings) past(ctx context.Context, shop *demoshop.Shop, say *json.Encoder) error {
	_, err := shop.Seed(ctx, demoshop.SeedOptions{Until: c.Until})
	if err != nil && !errors.Is(err, demoshop.ErrSeeded) {
		return err
	}
	var lines counter
	if err := shop.History(ctx, &lines); err != nil {
		return err
	}
	if err := say.Encode(shopLine{Lines: int64(lines)}); err != nil {
		return err
	}
	_, err = shop.ImportHistory(ctx, importName)
	return err
}

// counter counts lines.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// shopProcess is the shop as the demo sees it.
type shopProcess struct {
	town  *town
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan shopLine
	fate  *bytes.Buffer // what it wrote on standard error
	ended chan error
}

func startShop(ctx context.Context, t *town, listener *os.File) (*shopProcess, error) {
	p := &shopProcess{town: t, lines: make(chan shopLine, 4), ended: make(chan error, 1), fate: &bytes.Buffer{}}
	p.cmd = exec.Command(t.opt.ShopCommand[0], t.opt.ShopCommand[1:]...)
	p.cmd.Env = append(os.Environ(), t.opt.Env...)
	p.cmd.Dir, p.cmd.ExtraFiles, p.cmd.Stderr = t.folder.dir, []*os.File{listener}, p.fate
	ownGroup(p.cmd) // Ctrl-C is ours to hear: the shop closes after Mimamori's last word
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the shop: %w", err)
	}
	p.in = in
	go func() {
		dec := json.NewDecoder(out)
		for {
			var l shopLine
			if dec.Decode(&l) != nil {
				break
			}
			p.lines <- l
		}
		p.ended <- p.cmd.Wait()
		close(p.lines)
	}()
	return p, json.NewEncoder(in).Encode(shopSettings{DB: t.shopDB(), URL: t.shopURL, Mimamori: t.centreURL, Key: t.folder.state.ShopKey,
		Secret: t.app.ShopSecret(), SMTP: t.listeners["smtp"].Addr().String(), Until: t.folder.state.Began})
}

// ready waits until the shop is open, and shows how far its past is told.
func (p *shopProcess) ready(ctx context.Context, say *narrator) error {
	doors := &client.Options{BaseURL: p.town.centreURL, Key: p.town.folder.state.ShopKey, Source: source}
	c, err := client.New(*doors)
	if err != nil {
		return err
	}
	defer c.Close()
	var total int64
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case l, ok := <-p.lines:
			if !ok {
				return fmt.Errorf("the shop ended before it opened: %s", bytes.TrimSpace(p.fate.Bytes()))
			}
			if l.Lines > 0 {
				total = l.Lines
			}
			if l.Open {
				say.imported(total, time.Since(began), p.town.folder.again)
				return nil
			}
		case <-time.After(100 * time.Millisecond):
			if s, err := c.ImportStatus(ctx, importName); err == nil && total > 0 {
				say.importing(s.Offset, total, time.Since(began))
			}
		}
	}
}

// close lets the shop end by itself, and ends it if it does not.
func (p *shopProcess) close() error {
	_ = p.in.Close()
	select {
	case <-p.ended:
		return nil
	case <-time.After(5 * time.Second):
		return p.cmd.Process.Kill()
	}
}
