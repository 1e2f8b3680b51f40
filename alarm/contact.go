package alarm

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"mimamori"
	"mimamori/webhook"
)

// Contact is somebody who is on call.
type Contact struct {
	Name string // tells contacts apart; stands in the row, never in a message
	// Tell hands over one message about several alarms; at least one is given.
	Tell func(ctx context.Context, list []Alarm) error
}

// Mail is a contact who reads mail: send takes a subject and a text.
func Mail(name string, lang mimamori.Lang, console string, zone *time.Location, send func(ctx context.Context, subject, body string) error) Contact {
	return Contact{Name: name, Tell: func(ctx context.Context, list []Alarm) error {
		subject, body := letter(list, lang, console, zone)
		return send(ctx, subject, body)
	}}
}

// hookAlarm is one alarm as a webhook says it.
type hookAlarm struct {
	ID    string     `json:"id"`
	Kind  Kind       `json:"kind"`
	About string     `json:"about,omitempty"`
	Text  string     `json:"text"`
	Count int        `json:"count"`
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"` // over since then
}

// Hook is a contact who takes a Standard Webhook: {"type": "alarm.raised" or
// "alarm.over", "timestamp": …, "data": {"alarms": […]}}.
func Hook(name string, lang mimamori.Lang, to *url.URL, client *http.Client, secrets func(context.Context) ([]webhook.Secret, error)) Contact {
	return Contact{Name: name, Tell: func(ctx context.Context, list []Alarm) error {
		kind, alarms := "alarm.over", []hookAlarm{}
		for _, a := range list {
			h := hookAlarm{ID: a.ID, Kind: a.Kind, About: a.About, Text: a.Kind.Word().JA, Count: a.Count, Since: a.RaisedAt.UTC()}
			if lang == mimamori.English {
				h.Text = a.Kind.Word().EN
			}
			if a.Open() {
				kind = "alarm.raised"
			} else {
				until := a.EndedAt.UTC()
				h.Until = &until
			}
			alarms = append(alarms, h)
		}
		with, err := secrets(ctx)
		if err != nil {
			return err
		}
		return webhook.Send(ctx, client, to.String(), with, mimamori.NewID("alarm"), kind, map[string]any{"alarms": alarms})
	}}
}
