package event

import (
	"io"
	"strings"
	"testing"
	"time"
)

const rbaHeader = "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover\n"

func TestRBAIsALoginLog(t *testing.T) {
	c, err := NewCSV(strings.NewReader(rbaHeader+
		"0,2020-02-03 12:43:30.772,-4324475583306591935,,10.0.65.171,NO,-,-,29695,\"Mozilla/5.0 (iPhone; x, y)\",Firefox 20.0.0.1618,iOS 13.4,mobile,False,False,False\n"+
		"2,2020-02-03 12:43:55.873,-3065936140549856249,23.6,170.39.78.152,US,-,-,393398,UA,Chrome 69,Android 6,mobile,True,False,True\n"+
		"4,2020-02-03 12:45:00,5932501938287412564,nan,10.0.36.92,NO,-,-,29695,UA,Chrome 69,iOS 13.4,mobile,False,False,False\n"+
		"5,yesterday,1,,10.0.0.1,NO,-,-,1,UA,,,,False,False,False\n"+
		"6,2020-02-03 12:45:00,1,,10.0.0.1,NO,-,-,1,UA,,,,Perhaps,False,False\n"), "rba", Limits{AnyTime: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []Event
	bad := 0
	for {
		e, err := c.Next(time.Time{})
		if err == io.EOF {
			break
		}
		if err != nil {
			bad++
			continue
		}
		got = append(got, e)
	}
	if len(got) != 3 || bad != 2 {
		t.Fatalf("%d rows, %d bad", len(got), bad)
	}
	first, second, third := got[0].Payload.(*Login), got[1].Payload.(*Login), got[2].Payload.(*Login)
	if first.Outcome != UnknownAccount || !got[0].NoAccount() || first.RTTMillis != nil || got[0].ID != "rba_0" || first.UserAgent != "Mozilla/5.0 (iPhone; x, y)" {
		t.Errorf("%+v %+v", got[0], first)
	}
	if second.Outcome != Succeeded || second.Session == "" || *second.RTTMillis != 24 || got[1].Subject != "u-3065936140549856249" ||
		!got[1].Time.Equal(time.Date(2020, 2, 3, 12, 43, 55, 873_000_000, time.UTC)) {
		t.Errorf("%+v %+v", got[1], second)
	}
	if third.Outcome != WrongPassword || third.RTTMillis != nil {
		t.Errorf("%+v", third)
	}
}
