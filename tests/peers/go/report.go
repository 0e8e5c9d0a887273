package main

import (
	"encoding/json"
	"fmt"
	"sync"
)

var printing sync.Mutex

// report prints what one check found, a JSON object on one line; the test knows what is right.
func report(check string, found any) {
	printing.Lock()
	defer printing.Unlock()
	line, err := json.Marshal(map[string]any{"check": check, "found": found})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// outcome is "ok", or the text of an error.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
