package centre

import (
	"context"

	"mimamori"
)

func (f *fixture) SecondStep(_ context.Context, v Visitor) (SecondStep, error) {
	rows := []FactorRow{{ID: "fac_1", Kind: FactorPasskey, Name: "iPhone の Safari", Bound: f.at(-24 * 300), Used: f.at(-30)},
		{ID: "fac_2", Kind: FactorAuthenticator, Name: "仕事用の電話", Bound: f.at(-1), Quarantined: true},
		{ID: "fac_3", Kind: FactorCodes, Bound: f.at(-24 * 300), Left: 9}}
	s := SecondStep{Factors: rows, HasOld: true, HasCodes: true, Passkeys: true, Signal: Signal{Domain: "shop.example", User: "AAAA", Accepted: []string{"BBBB"}}}
	switch v.Session {
	case "quiet":
		return SecondStep{Vouched: true, Passkeys: true}, nil
	case "confirm":
		s.Barrier = BarrierDevice
	case "set":
		s.Barrier = BarrierIncident
	case "watched":
		s.Vouched, s.MayRemove, s.Proved = true, true, true
	case "":
		return SecondStep{}, mimamori.ErrDenied
	}
	return s, nil
}

func (f *fixture) BeginAuthenticator(context.Context, Visitor) (string, error) { return "fac_new", nil }
func (f *fixture) Authenticator(_ context.Context, _ Visitor, id string) (Authenticator, error) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	return Authenticator{ID: id, Secret: secret, URL: "otpauth://totp/Shop:hanako?secret=" + secret}, nil
}
func (f *fixture) FinishAuthenticator(_ context.Context, _ Visitor, _, code, _ string) error {
	if code != "123456" {
		return mimamori.ErrDenied
	}
	return nil
}
func (f *fixture) BindPasskey(context.Context, Visitor) ([]byte, error) { return []byte(`{}`), nil }
func (f *fixture) BoundPasskey(context.Context, Visitor, string, []byte) error {
	return mimamori.ErrDenied
}
func (f *fixture) NewCodes(context.Context, Visitor) ([]string, error) {
	return []string{"7K2P-94QX-3MZ8A", "0DWE-5RTY-7HJKA", "2CVB-8NM4-6QWER", "9ZXC-1SDF-4GHJK"}, nil
}
func (f *fixture) RemoveFactor(context.Context, Visitor, string) error       { return nil }
func (f *fixture) NameFactor(context.Context, Visitor, string, string) error { return nil }
func (f *fixture) ConfirmFactor(context.Context, Visitor, string) error      { return nil }
func (f *fixture) StepUp(context.Context, Visitor) (string, error)           { return "choose", nil }
func (f *fixture) SteppedUp(context.Context, Visitor, string) error          { return nil }
func (f *fixture) SignOut(context.Context, Visitor, string) error            { f.signOuts++; return nil }
