package audit

import (
	"slices"
	"strings"
)

// Act is what somebody did. Those that begin with "look." show a customer's
// data and change nothing.
type Act string

// The acts at the support desk. Which role may do which is staff's table.
const (
	LookQueue    Act = "look.queue"    // the list: masked, no single customer
	LookIncident Act = "look.incident" // one incident whole
	LookAccount  Act = "look.account"  // one account's history
	LookReveal   Act = "look.reveal"   // one masked value in clear
	LookAudit    Act = "look.audit"    // this record
	LookExport   Act = "look.export"   // data leaves in a file
	LookAnalysis Act = "look.analysis" // how deciding goes: no single customer
	LookStaff    Act = "look.staff"    // who works here, and as what
	LookKeys     Act = "look.keys"     // the API keys, without what is secret
	LookAlarms   Act = "look.alarms"   // what people are woken for: numbers only
	LookContacts Act = "look.contacts" // whom customers call
	LookNumbers  Act = "look.numbers"  // how the work goes: counts and times

	IncidentContain  Act = "incident.contain"
	IncidentHold     Act = "incident.hold"
	IncidentRelease  Act = "incident.release"
	IncidentDismiss  Act = "incident.dismiss"
	IncidentNote     Act = "incident.note"
	IncidentJudge    Act = "incident.judge"   // whose session it was
	IncidentResolve  Act = "incident.resolve" // a conflict of the undo plan
	IncidentResend   Act = "incident.resend"  // a notice again
	IncidentWait     Act = "incident.wait"    // the wait made longer, or shorter on proof
	UndoPlan         Act = "undo.plan"        // computed again
	UndoApply        Act = "undo.apply"
	UndoRedo         Act = "undo.redo" // an undo taken back
	PointsRestore    Act = "points.restore"
	IncidentAssign   Act = "incident.assign" // who of the staff works on it
	StepRetry        Act = "step.retry"      // a step that failed is tried again now
	BulkContain      Act = "bulk.contain"
	BulkHold         Act = "bulk.hold"
	BulkDismiss      Act = "bulk.dismiss"
	BulkUndo         Act = "bulk.undo" // a bulk act stopped, or taken back
	CallRecord       Act = "call.record"
	RecoveryVouch    Act = "recovery.vouch" // an agent's word in a customer's recovery, after a call
	ProposalMake     Act = "proposal.make"  // asks a second pair of eyes
	ProposalApprove  Act = "proposal.approve"
	ProposalDecline  Act = "proposal.decline"
	DirectoryEdit    Act = "directory.edit" // whom customers call
	AccountForget    Act = "account.forget"
	AccountExport    Act = "account.export"
	RetentionChanged Act = "retention.change"
)

// The acts of what the law asks.
const (
	LookBreach     Act = "look.breach"     // reports and deadlines: kinds of data and counts, no single customer
	LookAccounting Act = "look.accounting" // what was given back in a period
	BreachEdit     Act = "breach.edit"     // awareness, grounds, items, filings
	BreachNotify   Act = "breach.notify"   // the notice to the customers concerned
	LegalHold      Act = "legal.hold"      // an account stays as it is, or no longer
)

// The acts around staff themselves, keys and the machine.
const (
	StaffSignIn     Act = "staff.sign_in"
	StaffSignOut    Act = "staff.sign_out"
	StaffReauth     Act = "staff.reauth"
	StaffCreate     Act = "staff.create"
	StaffRole       Act = "staff.role"
	StaffDisable    Act = "staff.disable"
	StaffPassword   Act = "staff.password"
	StaffFactor     Act = "staff.factor"  // one's own passkeys and authenticator
	StaffReset      Act = "staff.reset"   // another person's ways in, taken away
	StaffInvited    Act = "staff.invited" // an invitation was taken up
	KeyCreate       Act = "apikey.create"
	KeyRevoke       Act = "apikey.revoke"
	KeyRotate       Act = "key.rotate"
	PolicyChange    Act = "policy.change"
	AlarmMassLookup Act = "alarm.mass_lookup" // one person looked at many accounts
	AlarmBreakGlass Act = "alarm.break_glass" // a local sign-in beside the identity provider
	AlarmKeyWords   Act = "alarm.key_words"   // an API key names more intruders than is usual
	AlarmStaffPower Act = "alarm.staff_power" // one of the staff let in somebody who may approve
	AlarmSeen       Act = "alarm.seen"        // somebody has seen an alarm
	Anchored        Act = "audit.anchor"      // a head was handed outside
)

// Looks says whether the act shows one customer's data.
func (a Act) Looks() bool {
	return strings.HasPrefix(string(a), "look.") && !slices.Contains(listLooks, a)
}

// listLooks show no single customer: the list is masked, the record sealed.
var listLooks = []Act{LookQueue, LookAudit, LookAnalysis, LookBreach, LookAccounting, LookStaff, LookKeys, LookAlarms, LookNumbers, LookContacts}
