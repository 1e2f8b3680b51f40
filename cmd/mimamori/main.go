// Command mimamori is the product as one program: it serves (the doors, the
// security centre, the staff console), shows itself with a demonstration shop,
// and does what an operator does at a shell. Each command stands in a file of
// its own; the parts it uses are put together by app and demo. Every error it
// prints is followed by a hint what to do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "time/tzdata" // times are told in the customer's zone, on any machine

	"github.com/alecthomas/kong"

	"mimamori/client"
)

// cli are all commands.
type cli struct {
	Serve         serveCmd         `cmd:"" help:"Run Mimamori: the doors, the security centre and the staff console."`
	Demo          demoCmd          `cmd:"" help:"Show everything on this machine: a shop, its customers, a mailbox, and an intrusion played live."`
	FirstAid      firstAidCmd      `cmd:"" help:"For anybody who fears for an account at any service: a page on this machine that leads through it. Keeps nothing."`
	Staff         staffCmd         `cmd:"" help:"The people at the desk."`
	Key           keyCmd           `cmd:"" help:"API keys: what the shop's programs sign in with."`
	ShopSecret    shopSecretCmd    `cmd:"" help:"Print the secret by which the shop knows that a command is ours."`
	ShopCheck     shopCheckCmd     `cmd:"" help:"Try a shop's side of the contract: each command, on a test account."`
	Replay        replayCmd        `cmd:"" help:"Send recorded events through the decision path, and write down what each scored."`
	Backtest      backtestCmd      `cmd:"" help:"Replay the events one has under a changed policy, and list what would have been otherwise."`
	Simulate      simulateCmd      `cmd:"" help:"Make a shop with customers and intruders, to try detection on: events, and the truth apart."`
	Import        importCmd        `cmd:"" help:"Send recorded events to a running Mimamori, to build the picture from the past."`
	Config        configCmd        `cmd:"" help:"What can be configured, and an example to begin with."`
	Policy        policyCmd        `cmd:"" help:"How often Mimamori acts, and rules of your own."`
	Notices       noticesCmd       `cmd:"" help:"What customers are mailed."`
	MailSetup     mailSetupCmd     `cmd:"" help:"Print the DNS records that our notices need, check what is published, rotate the signing keys."`
	CheckMail     checkMailCmd     `cmd:"" help:"Is this mail really from the shop? Judge mails, pasted texts or links; a JSON line for each file."`
	Brands        brandsCmd        `cmd:"" help:"Brand files: whose mails can be told from fakes."`
	VerifyAudit   verifyAuditCmd   `cmd:"" help:"Check that nobody altered the record of who did and saw what."`
	VerifyExport  verifyExportCmd  `cmd:"" help:"Check offline that an incident's evidence file is what was signed."`
	Accounting    accountingCmd    `cmd:"" help:"What was given back to customers in a period, as a CSV file for accounting."`
	ExportAccount exportAccountCmd `cmd:"" help:"Everything kept of one account, as JSON or as a page to read."`
	Forget        forgetCmd        `cmd:"" help:"Delete one account, or say what postpones it."`
	Backup        backupCmd        `cmd:"" help:"Copy the database while mimamori serve goes on, and check the copy."`
	Restore       restoreCmd       `cmd:"" help:"Put a copy into an empty data folder, and say what to do next."`
	VerifyStore   verifyStoreCmd   `cmd:"" help:"Check that the database is as it was written: structure, events, audit log."`
	Version       versionCmd       `cmd:"" help:"Print the version."`
	Bench         benchCmd         `cmd:"" help:"Measure this machine: a server of its own, driven over HTTP, beside the least that a durable answer costs."`
	BenchChild    benchChildCmd    `cmd:"" hidden:"" help:"The server that bench measures, started by it."`
	DemoShop      demoShopCmd      `cmd:"" hidden:"" help:"The demonstration's shop, started by demo."`
	Quickstart    quickstartCmd    `cmd:"" help:"Leave a working configuration for a shop: asks, or takes flags."`
	Keys          keysCmd          `cmd:"" help:"The keys that we sign and seal with: list, rotate, revoke."`
	Health        healthCmd        `cmd:"" help:"Ask the running Mimamori whether it can decide; for supervisors and containers."`
	Size          sizeCmd          `cmd:"" help:"How many machines a shop of your size needs, by measured figures."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// exit ends a run from within the parser, which knows only a function for it.
type exit int

// run does one command and gives the exit code: 0, 1 when it went wrong, 2 when
// it was not understood.
func run(ctx context.Context, args []string, s *streams) (code int) {
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(c)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var c cli
	parser, err := kong.New(&c, kong.Name("mimamori"), kong.Writers(s.out, s.err), kong.Exit(func(n int) { panic(exit(n)) }),
		kong.Description("Mimamori guards the customer accounts of an online shop against takeover: it contains the intruder, undoes what he did, tells the customer, and walks her back in."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 96}), kong.UsageOnError())
	if err != nil {
		return fail(s, err, "this is a defect of the program itself; please report it")
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		where := "mimamori --help"
		if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil && p.Context.Selected() != nil {
			where = "mimamori " + p.Context.Selected().Path() + " --help"
			if full := p.Context.Command(); full != "" {
				where = "mimamori " + firstWords(full) + " --help"
			}
		}
		fail(s, err, where+" says what can be given")
		return 2
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(s)
	if err := parsed.Run(); err != nil {
		return fail(s, err, hint(err))
	}
	return 0
}

// fail prints an error and what to do about it.
func fail(s *streams, err error, what string) int {
	fmt.Fprintln(s.err, "mimamori:", err)
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Detail != "" { // not in the error itself, which shops log
		fmt.Fprintln(s.err, "  ", p.Detail)
	}
	if what != "" {
		fmt.Fprintln(s.err, "hint:", what)
	}
	return 1
}
