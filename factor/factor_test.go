package factor_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/factor"
	"mimamori/factor/code"
	"mimamori/keys/keystest"
)

var (
	hana = mimamori.NewAccountID("hana")
	hers = factor.Try{Account: hana}
)

func newBook(t *testing.T) (*factor.Book, *memory) {
	t.Helper()
	ring, vault := keystest.New(t)
	store := &memory{}
	return factor.NewBook(store, store, vault, ring, code.NewHasher()), store
}

func denied(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("%s: %v, want denied", what, err)
	}
}

var recovery = factor.Request{Account: hana, Purpose: factor.ForRecovery, Incident: "inc_one", Ref: "rec_one"}

func issue(t *testing.T, b *factor.Book, r factor.Request) string {
	t.Helper()
	typed, _, err := b.IssueMailed(t.Context(), r, "")
	if err != nil {
		t.Fatalf("IssueMailed(%+v): %v", r, err)
	}
	return typed
}

func TestA03_CodesAreStoredHashedOnly(t *testing.T) {
	b, store := newBook(t)
	typed := issue(t, b, recovery)
	saved, err := b.NewRecoveryCodes(t.Context(), hana, factor.Binding{}, true)
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.EnrolTOTP(t.Context(), hana, factor.Binding{}, "", "Shop", "hana")
	if err != nil {
		t.Fatal(err)
	}
	dump := fmt.Sprintf("%+v %+v", store.factors, store.mailed)
	for _, f := range store.factors {
		dump += string(f.Data)
	}
	for _, m := range store.mailed {
		dump += string(m.Hash)
	}
	for _, secret := range append(saved, typed, e.Secret, code.Saved(saved[0])) {
		if strings.Contains(dump, secret) {
			t.Errorf("the store holds %q", secret)
		}
	}
}

func TestA04_MailedCodeIsGoodOnceForItsRequest(t *testing.T) {
	b, store := newBook(t)
	typed := issue(t, b, recovery)
	for name, other := range map[string]factor.Request{
		"account":   {Account: mimamori.NewAccountID("taro"), Purpose: recovery.Purpose, Incident: recovery.Incident, Ref: recovery.Ref},
		"purpose":   {Account: hana, Purpose: factor.ForContact, Incident: recovery.Incident, Ref: recovery.Ref},
		"incident":  {Account: hana, Purpose: recovery.Purpose, Incident: "inc_two", Ref: recovery.Ref},
		"reference": {Account: hana, Purpose: recovery.Purpose, Incident: recovery.Incident, Ref: "rec_two"},
	} {
		for range 10 { // a stranger's guesses must not use up her tries either
			_, err := b.RedeemMailed(t.Context(), other, typed)
			denied(t, "another "+name, err)
		}
	}
	// All tries that a code allows meet before the first of them uses it.
	var meet sync.WaitGroup
	meet.Add(factor.MaxTries)
	store.beforeUse = func() { meet.Done(); meet.Wait() }
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if _, err := b.RedeemMailed(t.Context(), recovery, typed); err == nil {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 50 parallel redemptions succeeded, want 1", won.Load())
	}
	_, err := b.RedeemMailed(t.Context(), recovery, typed)
	denied(t, "a second use", err)
}

func TestA05_MailedCodesEnd(t *testing.T) {
	for purpose, life := range map[factor.Purpose]time.Duration{
		factor.ForChallenge: 10 * time.Minute, factor.ForRecovery: 24 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := newBook(t)
			r := factor.Request{Account: hana, Purpose: purpose, Ref: "x"}
			typed := issue(t, b, r)
			time.Sleep(life - time.Second)
			if _, err := b.RedeemMailed(t.Context(), r, typed); err != nil {
				t.Errorf("%s code one second before its end: %v", purpose, err)
			}
			typed = issue(t, b, r)
			time.Sleep(life + time.Second)
			_, err := b.RedeemMailed(t.Context(), r, typed)
			denied(t, string(purpose)+" code one second after its end", err)
		})
	}
}

func TestA06_NewerCodeVoidsTheOlder(t *testing.T) {
	b, _ := newBook(t)
	first := issue(t, b, recovery)
	second := issue(t, b, recovery)
	for first == second {
		second = issue(t, b, recovery)
	}
	_, err := b.RedeemMailed(t.Context(), recovery, first)
	denied(t, "the older code", err)
	if _, err := b.RedeemMailed(t.Context(), recovery, second); err != nil {
		t.Errorf("the newer code: %v", err)
	}
}

func TestA07_GuessingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, store := newBook(t)
		began := time.Now()
		for time.Since(began) < 24*time.Hour {
			_, _, err := b.IssueMailed(t.Context(), recovery, "")
			if err != nil {
				denied(t, "one code too many", err)
			}
			for range 20 {
				_, _ = b.RedeemMailed(t.Context(), recovery, code.NewDigits())
			}
			time.Sleep(10 * time.Minute)
		}
		if store.evaluated > factor.MaxTries*factor.MaxADay {
			t.Errorf("%d guesses evaluated in a day, want at most %d", store.evaluated, factor.MaxTries*factor.MaxADay)
		}
		if store.evaluated < 40 {
			t.Errorf("only %d guesses evaluated: the test guesses nothing", store.evaluated)
		}
	})
	t.Run("parallel", func(t *testing.T) {
		b, store := newBook(t)
		right := issue(t, b, recovery)
		var wait sync.WaitGroup
		for range 200 {
			wait.Go(func() {
				if g := code.NewDigits(); g != right {
					_, _ = b.RedeemMailed(t.Context(), recovery, g)
				}
			})
		}
		wait.Wait()
		if store.evaluated != factor.MaxTries {
			t.Errorf("%d parallel guesses evaluated, want %d", store.evaluated, factor.MaxTries)
		}
		_, err := b.RedeemMailed(t.Context(), recovery, right)
		denied(t, "the right code after five wrong ones", err)
	})
}

func enrolled(t *testing.T, b *factor.Book) string {
	t.Helper()
	e, err := b.EnrolTOTP(t.Context(), hana, factor.Binding{Session: "s1", IP: "192.0.2.1"}, "", "Shop", "hana")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.CheckTOTP(t.Context(), hers, totp(t, e.Secret))
	denied(t, "an authenticator before its first code", err)
	if err := b.FinishTOTP(t.Context(), hers, e.ID, totp(t, e.Secret)); err != nil {
		t.Fatal(err)
	}
	if err := b.Confirm(t.Context(), hana, e.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Enrolling(t.Context(), hana, e.ID, "Shop", "hana"); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("the secret of a usable authenticator is shown again: %v", err)
	}
	return e.Secret
}

func totp(t *testing.T, secret string) string {
	t.Helper()
	c, err := code.TOTP(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAuthenticatorCodeIsBelievedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBook(t)
		secret := enrolled(t, b)
		_, err := b.CheckTOTP(t.Context(), hers, totp(t, secret))
		denied(t, "the code that finished the enrolment, again", err)
		time.Sleep(time.Minute)
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if p, err := b.CheckTOTP(t.Context(), hers, totp(t, secret)); err == nil && p.Kind == factor.TOTP && p.Binding.Session == "s1" {
					won.Add(1)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 4 parallel uses of one code succeeded, want 1", won.Load())
		}
	})
}

func TestA08_WrongCodesMeetGrowingWaitsButNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBook(t)
		secret := enrolled(t, b)
		looked := 0
		began := time.Now()
		for time.Since(began) < 24*time.Hour {
			_, err := b.CheckTOTP(t.Context(), hers, "000000")
			var throttled *factor.ThrottledError
			if errors.As(err, &throttled) {
				time.Sleep(time.Until(throttled.Until))
				continue
			}
			if err == nil {
				t.Skip("000000 was right by chance") // about once in 10,000 runs
			}
			looked++
			time.Sleep(time.Second)
		}
		if looked > 45 {
			t.Errorf("%d wrong codes were looked at in a day, want at most 45", looked)
		}
		time.Sleep(time.Hour)
		if _, err := b.CheckTOTP(t.Context(), hers, totp(t, secret)); err != nil {
			t.Errorf("the owner an hour later: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := b.CheckTOTP(t.Context(), hers, totp(t, secret)); err != nil {
			t.Errorf("the owner again: %v", err)
		}
	})
}

func TestA17_RecoveryCodesAreUsedUpOneByOne(t *testing.T) {
	b, _ := newBook(t)
	codes, err := b.NewRecoveryCodes(t.Context(), hana, factor.Binding{Session: "s1"}, true)
	if err != nil || len(codes) != factor.SavedCodes {
		t.Fatalf("NewRecoveryCodes = %d codes, %v", len(codes), err)
	}
	p, left, err := b.UseRecoveryCode(t.Context(), hers, strings.ToLower(codes[3]))
	if err != nil || left != factor.SavedCodes-1 || p.Kind != factor.Recovery {
		t.Errorf("UseRecoveryCode = %+v, %d left, %v", p, left, err)
	}
	_, _, err = b.UseRecoveryCode(t.Context(), hers, codes[3])
	denied(t, "a used recovery code", err)
	if n, err := b.RecoveryCodesLeft(t.Context(), hana); n != factor.SavedCodes-1 || err != nil {
		t.Errorf("RecoveryCodesLeft = %d, %v", n, err)
	}
	if _, err := b.NewRecoveryCodes(t.Context(), hana, factor.Binding{}, true); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.UseRecoveryCode(t.Context(), hers, codes[4])
	denied(t, "a code of the set before", err)
	_, _, err = b.UseRecoveryCode(t.Context(), hers, "")
	denied(t, "no code", err)
}

func TestA21_WhatTheIntruderBoundIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBook(t)
		secret := enrolled(t, b)
		time.Sleep(40 * 24 * time.Hour)
		start := time.Now()
		stranger, err := b.EnrolTOTP(t.Context(), hana, factor.Binding{Session: "bad"}, "", "Shop", "hana")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.FinishTOTP(t.Context(), hers, stranger.ID, totp(t, stranger.Secret)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.EnrolTOTP(t.Context(), hana, factor.Binding{Session: "bad"}, "", "Shop", "hana"); err != nil {
			t.Fatal(err)
		}
		removed, err := b.RemoveBoundSince(t.Context(), hana, start, mimamori.System)
		if err != nil || len(removed) != 2 {
			t.Fatalf("RemoveBoundSince removed %d, %v; want the usable and the unfinished one", len(removed), err)
		}
		_, err = b.CheckTOTP(t.Context(), hers, totp(t, stranger.Secret))
		denied(t, "the intruder's authenticator", err)
		if _, err := b.CheckTOTP(t.Context(), hers, totp(t, secret)); err != nil {
			t.Errorf("her own authenticator: %v", err)
		}
	})
}

func TestQRIsAPicture(t *testing.T) {
	data, err := factor.QR(code.URL("見守り", "hana", code.NewSecret()))
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(data)); err != nil || img.Bounds().Dx() != 256 {
		t.Errorf("QR: %v, %v", img, err)
	}
}
