package quickstart

import (
	"fmt"
	"os/user"
	"time"

	"mimamori/app"
)

func today() string { return time.Now().Format(time.DateOnly) }

// left is the checklist: what no program can do for the operator, in the order
// in which it is to be done.
func left(a Answers, o Options, c app.Config, m Made) []Todo {
	run := o.Program + " "
	with := " --config " + m.Config
	var out []Todo
	add := func(command, format string, args ...any) {
		out = append(out, Todo{What: fmt.Sprintf(format, args...), Command: command})
	}
	if o.Systemd {
		if _, err := user.Lookup(o.User); err != nil {
			add("useradd --system --home-dir "+m.Data+" --shell /usr/sbin/nologin "+o.User+" && chown -R "+o.User+": "+m.Data+" && chgrp "+o.User+" "+m.Config+" && chmod 640 "+m.Config,
				"make the user that runs it, and give it the files")
		}
		add("cp "+m.Unit+" /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now mimamori", "install the unit and start it")
	} else {
		add(run+"serve"+with, "start it")
	}
	if m.Admin == nil && a.AdminName == "" {
		add(run+"staff first"+with+" --name NAME --mail ADDRESS", "add the first person at the desk (while serve is stopped); password and authenticator are shown once")
	}
	add("", "keep a copy of %s/master.key apart from all backups: without it nothing sealed can be read again", m.Data)
	add("", "set the DNS records in %s", m.Records)
	add(run+"mail-setup"+with, "see which of them are published")
	if c.Mail.Username != "" && c.Mail.Password == "" {
		add("", "write the mail server's password into %s (mail.password)", m.Config)
	}
	if c.TLS.Mode == app.TLSProxy {
		add("", "lead %s to http://%s and %s to http://%s at your proxy, with X-Forwarded-For", c.PublicURL, c.Listen, c.ConsoleURL, c.ConsoleListen)
	}
	if a.Phone == "" && a.PhoneAbroad == "" {
		add("", "write the numbers that customers call into %s (contacts): notices name them", m.Brand)
	}
	add("", "give the shop its API key and the secret, and let it take commands at %s", c.Shop.URL)
	add(run+"shop-check --help", "try the shop's side, command by command, on a test account")
	add(run+"notices preview"+with+" --out notices", "read every notice before customers do")
	add("", "import the past (docs/operations.md), look at decisions in mode observe, then set policy.mode to assist, then to enforce")
	return out
}
