// Package staff knows the people at the support desk and the shop's machines:
// how they sign in, what their roles allow, and the keys that machines use.
// Its Guard stands before everything that shows or changes a customer's data
// and writes each look and act to the audit log. Acts too big for one person
// wait here for a second (proposal.go). What the acts do is for others.
package staff

import (
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
)

// Role is what somebody is at the desk for. A person may have several.
type Role string

const (
	Agent   Role = "agent"   // helps customers: looks, contains, undoes, calls
	Lead    Role = "lead"    // an agent who also releases, dismisses and approves
	Analyst Role = "analyst" // tunes detection: looks, judges, changes policy
	Auditor Role = "auditor" // sees everything that was done, changes nothing
	Admin   Role = "admin"   // staff, keys, directory; no customer's data
)

// Roles lists all, in the order in which pages show them.
var Roles = []Role{Agent, Lead, Analyst, Auditor, Admin}

var (
	agentActs = []audit.Act{
		audit.LookQueue, audit.LookIncident, audit.LookAccount, audit.LookReveal,
		audit.IncidentContain, audit.IncidentHold, audit.IncidentNote, audit.IncidentJudge, audit.IncidentResolve, audit.IncidentResend,
		audit.IncidentAssign, audit.StepRetry,
		audit.UndoPlan, audit.UndoApply, audit.UndoRedo, audit.PointsRestore, audit.CallRecord, audit.RecoveryVouch, audit.ProposalMake,
		audit.LookAlarms, audit.AlarmSeen, audit.LookContacts,
	}
	leadActs = slices.Concat(agentActs, []audit.Act{
		audit.IncidentRelease, audit.IncidentDismiss, audit.IncidentWait, audit.BulkContain, audit.BulkHold, audit.BulkDismiss, audit.BulkUndo,
		audit.ProposalApprove, audit.ProposalDecline, audit.DirectoryEdit, audit.LookExport, audit.AccountExport, audit.LookAnalysis,
		audit.LookBreach, audit.LookAccounting, audit.BreachEdit, audit.BreachNotify, audit.LegalHold, audit.AccountForget,
		audit.LookNumbers,
	})
	analystActs = []audit.Act{audit.LookAlarms, audit.LookNumbers, audit.LookAnalysis, audit.LookQueue, audit.LookIncident, audit.LookAccount, audit.IncidentNote, audit.IncidentJudge, audit.PolicyChange}
	auditorActs = []audit.Act{audit.LookContacts, audit.LookAlarms, audit.LookNumbers, audit.LookStaff, audit.LookKeys, audit.LookAnalysis, audit.LookQueue, audit.LookIncident, audit.LookAccount, audit.LookAudit, audit.LookExport, audit.LookBreach, audit.LookAccounting}
	adminActs   = []audit.Act{
		audit.LookStaff, audit.LookKeys, audit.StaffCreate, audit.StaffRole, audit.StaffDisable, audit.StaffReset, audit.KeyCreate, audit.KeyRevoke, audit.KeyRotate,
		audit.DirectoryEdit, audit.PolicyChange, audit.RetentionChanged, audit.AccountForget, audit.AccountExport, audit.LookAudit,
		audit.ProposalMake, audit.ProposalApprove, audit.ProposalDecline, audit.LookBreach, audit.LegalHold,
		audit.LookAlarms, audit.LookNumbers, audit.AlarmSeen, audit.LookContacts,
	}
)

// Acts is what a role allows. There is no act that switches the audit log, its
// anchors or an alarm off, so nobody has it (standards item E10).
func (r Role) Acts() []audit.Act {
	switch r {
	case Agent:
		return agentActs
	case Lead:
		return leadActs
	case Analyst:
		return analystActs
	case Auditor:
		return auditorActs
	case Admin:
		return adminActs
	}
	return nil
}

// Dangerous says whether an act wants the person's authenticator once more
// when the last time was a while ago (ASVS 5.0 7.5.3).
func Dangerous(a audit.Act) bool {
	return slices.Contains([]audit.Act{
		audit.IncidentRelease, audit.IncidentDismiss, audit.IncidentWait, audit.PointsRestore, audit.RecoveryVouch,
		audit.BulkContain, audit.BulkHold, audit.BulkDismiss, audit.BulkUndo,
		audit.LookReveal, audit.LookExport, audit.AccountExport, audit.AccountForget, audit.LegalHold, audit.BreachNotify, audit.ProposalApprove,
		audit.StaffCreate, audit.StaffRole, audit.StaffDisable, audit.StaffReset, audit.KeyCreate, audit.KeyRevoke, audit.KeyRotate,
		audit.RetentionChanged, audit.PolicyChange, audit.DirectoryEdit, audit.StaffPassword, audit.StaffFactor,
	}, a)
}

// Person is somebody at the desk.
type Person struct {
	ID      string // "stf_…"
	Login   string // lower case; unique
	Name    string // as colleagues know him
	Roles   []Role
	Lang    mimamori.Lang
	Own     []mimamori.AccountID // his own customer accounts: he may not handle these (E09)
	Version int64                // raised by every update; compare-and-set

	PasswordSalt, PasswordHash []byte
	HasPassword                bool   // only in lists, which leave the hash out
	FactorSecret               []byte // the authenticator's, sealed with the ring
	FactorStep                 int64  // last time step believed
	// Wrong tries in a row, counted apart for places he signed in from before
	// and for all others: strangers cannot lock him out of his own desk.
	Known, Strange Throttle

	// Issuer and Subject are set for people of the company's identity provider:
	// they have no password here, and the provider says what they may do.
	Issuer, Subject string

	CreatedAt  time.Time
	DisabledAt time.Time // zero while he works here
}

// External says that the company's identity provider knows the person.
func (p Person) External() bool { return p.Issuer != "" }

// Is says whether the person has a role.
func (p Person) Is(r Role) bool { return slices.Contains(p.Roles, r) }

// Throttle counts wrong tries in a row.
type Throttle struct {
	Failures int
	Until    time.Time // no try is looked at before
}

// Actor is the person as the audit log names him.
func (p Person) Actor() mimamori.Actor { return mimamori.Actor{Kind: mimamori.ActorStaff, ID: p.ID} }

// May says whether one of his roles allows an act.
func (p Person) May(a audit.Act) bool {
	return p.DisabledAt.IsZero() && slices.ContainsFunc(p.Roles, func(r Role) bool { return slices.Contains(r.Acts(), a) })
}
