package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"mimamori/shop"
)

// commandsOfShop are what a shop may be told, with what the data of each is.
var commandsOfShop = []struct {
	kind shop.CommandType
	data reflect.Type
	text string
}{
	{shop.TypeSessionsRevoke, reflect.TypeFor[shop.SessionsRevoke](), "end every session, and with remembered every remembered device, that was begun before the time"},
	{shop.TypePasswordInvalidate, reflect.TypeFor[shop.PasswordInvalidate](), "nobody signs in with it any more, until a grant sets another"},
	{shop.TypeAccountHold, reflect.TypeFor[shop.AccountHold](), "the scopes stand still; nobody is signed out"},
	{shop.TypeAccountRelease, reflect.TypeFor[shop.AccountRelease](), "the hold of the scopes ends"},
	{shop.TypeOrderCancel, reflect.TypeFor[shop.OrderCancel](), "stop an order not yet shipped; it stays visible as cancelled"},
	{shop.TypeOrderUnhide, reflect.TypeFor[shop.OrderUnhide](), "show an order in the list again"},
	{shop.TypeResourceRestore, reflect.TypeFor[shop.ResourceRestore](), "make a registered thing what it was, whole"},
	{shop.TypeResourceRemove, reflect.TypeFor[shop.ResourceRemove](), "take away what the intruder brought"},
	{shop.TypePointsFreeze, reflect.TypeFor[shop.PointsFreeze](), "points and gift balance cannot be spent"},
	{shop.TypePointsUnfreeze, reflect.TypeFor[shop.PointsUnfreeze](), "they can be spent again"},
	{shop.TypePointsRestore, reflect.TypeFor[shop.PointsRestore](), "give back what one ledger entry took, once per incident and entry"},
	{shop.TypePaymentSuspect, reflect.TypeFor[shop.PaymentSuspect](), "a card or address brought in by the intruder may be another victim's"},
}

// shopSide describes what the shop offers us: in OpenAPI 3.1 a webhook, since
// here we are the ones who call. The contract in words is docs/commands.md.
func (d *doors) shopSide() {
	header := func(name, text string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Required: true, Description: text, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	signed := []*huma.Param{
		header("webhook-id", "the command's id; of a read-back an id of its own"),
		header("webhook-timestamp", "Unix seconds; refuse what is more than 5 minutes off"),
		header("webhook-signature", "v1, and the HMAC-SHA-256 over id.timestamp.body in base64; several while a secret is changed"),
	}
	refused := &huma.Response{Description: "the signature is not ours, or too old: nothing was done"}
	d.api.OpenAPI().Webhooks = map[string]*huma.PathItem{
		"command": {Post: &huma.Operation{
			OperationID: "shop-command", Summary: "A command to the shop", Extensions: map[string]any{"x-summary-ja": "お店への指示"}, Parameters: signed,
			Description: "POST to the one address that the shop offers. The same id is the same command for 76 hours. Any other status or body than the one below is a failed try, and the same command comes again.",
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: commandSchema(d.registry())}}},
			Responses: map[string]*huma.Response{
				"200": {Description: "what became of it", Content: map[string]*huma.MediaType{"application/json": {Schema: answerSchema()}}},
				"401": refused,
				"410": {Description: "no commands are wanted here any more: a person is told"},
			}}},
		"account": {Get: &huma.Operation{
			OperationID: "shop-account", Summary: "The account read back", Extensions: map[string]any{"x-summary-ja": "アカウントの読み戻し"}, Parameters: signed,
			Description: "GET of {address}/accounts/{subject}, signed over an empty body.",
			Responses: map[string]*huma.Response{
				"200": {Description: "the account as it stands", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[shop.Account](d.registry())}}},
				"401": refused,
				"404": {Description: "there is no such account"},
			}}},
	}
}

func commandSchema(r huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	var each []*huma.Schema
	for _, c := range commandsOfShop {
		each = append(each, &huma.Schema{Type: huma.TypeObject, Description: c.text, Properties: map[string]*huma.Schema{
			"type": {Type: huma.TypeString, Enum: []any{string(c.kind)}}, "data": r.Schema(c.data, true, "")}})
	}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"id", "type", "subject", "incident", "at", "data"}, OneOf: each,
		Properties: map[string]*huma.Schema{"id": text, "type": text, "subject": text, "incident": text,
			"at": {Type: huma.TypeString, Format: "date-time"}, "data": {Type: huma.TypeObject}}}
}

func answerSchema() *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"result"}, Properties: map[string]*huma.Schema{
		"result": {Type: huma.TypeString, Enum: []any{string(shop.Done), string(shop.Already), string(shop.Impossible), string(shop.Later)}},
		"why":    {Type: huma.TypeObject, Description: "with impossible: for the agent and the customer", Properties: map[string]*huma.Schema{"code": text, "ja": text, "en": text}},
		"after":  {Type: huma.TypeNumber, Description: "with later: seconds until it is to be asked again"},
	}}
}
