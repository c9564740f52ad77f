// stores URL BYTES - key-value buckets and object stores through nats.go, one line for each
// situation.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var ctx, cancel = context.WithTimeout(context.Background(), 4*time.Minute)

func show(what string, values ...any) {
	fmt.Println(what + ": " + strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func entry(e jetstream.KeyValueEntry, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s=%s@%d %s, %d behind", e.Key(), e.Value(), e.Revision(), e.Operation(), e.Delta())
}

func entries(list []jetstream.KeyValueEntry, err error) string {
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, e := range list {
		out = append(out, entry(e, nil))
	}
	return strings.Join(out, ", ")
}

// What a watcher gives until the mark that all of it has come, or until nothing comes.
func watched(w jetstream.KeyWatcher) string {
	var out []string
	for {
		select {
		case e := <-w.Updates():
			if e == nil {
				return strings.Join(append(out, "all"), ", ")
			}
			out = append(out, entry(e, nil))
		case <-time.After(time.Second):
			return strings.Join(out, ", ")
		}
	}
}

func watchOnce(w jetstream.KeyWatcher, err error) string {
	if err != nil {
		return err.Error()
	}
	defer w.Stop()
	return watched(w)
}

func sorted(keys []string, err error) string {
	if err != nil {
		return err.Error()
	}
	sort.Strings(keys)
	return strings.Join(keys, " ")
}

func keyValue(js jetstream.JetStream) {
	kv := must(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: "CONFIG", History: 5, Description: "settings", MaxValueSize: 1000, LimitMarkerTTL: time.Minute}))
	show("put", must(kv.PutString(ctx, "a.b", "one")))
	show("put again", must(kv.PutString(ctx, "a.b", "two")))
	show("get", entry(kv.Get(ctx, "a.b")))
	show("get a revision", entry(kv.GetRevision(ctx, "a.b", 1)))
	show("get a revision of another key", entry(kv.GetRevision(ctx, "c", 1)))
	show("get what is not there", entry(kv.Get(ctx, "nothing")))
	show("create", must(kv.Create(ctx, "c", []byte("new"))))
	_, err := kv.Create(ctx, "c", []byte("newer"))
	show("create what is there", err, errors.Is(err, jetstream.ErrKeyExists))
	show("update", must(kv.Update(ctx, "c", []byte("newer"), 3)))
	_, err = kv.Update(ctx, "c", []byte("x"), 3)
	show("update of a wrong revision", err)
	show("delete", kv.Delete(ctx, "c"))
	show("get what is deleted", entry(kv.Get(ctx, "c")))
	show("create what is deleted", must(kv.Create(ctx, "c", []byte("back"))))
	show("delete of a wrong revision", kv.Delete(ctx, "c", jetstream.LastRevision(1)))
	for n := range 8 {
		must(kv.PutString(ctx, "many", strconv.Itoa(n)))
	}
	show("history", entries(kv.History(ctx, "many")))
	show("history with a delete", entries(kv.History(ctx, "c")))
	show("purge", kv.Purge(ctx, "many"))
	show("history behind a purge", entries(kv.History(ctx, "many")))
	show("keys", sorted(kv.Keys(ctx)))
	_, err = kv.Put(ctx, "large", make([]byte, 1001))
	show("too large", err)
	show("an empty value", must(kv.Put(ctx, "empty", nil)))
	show("get the empty value", entry(kv.Get(ctx, "empty")))
	_, err = kv.Put(ctx, "bad key", nil)
	show("a bad key", err)
	status := must(kv.Status(ctx))
	show("status", status.Bucket(), status.Values(), status.History(), status.TTL(), status.LimitMarkerTTL(), status.Bytes(),
		status.BackingStore(), status.IsCompressed())
	w := must(kv.WatchAll(ctx))
	show("watch", watched(w))
	must(kv.PutString(ctx, "d", "live"))
	kv.Delete(ctx, "a.b")
	show("watched", watched(w))
	w.Stop()
	show("watch with history", watchOnce(kv.Watch(ctx, "a.*", jetstream.IncludeHistory())))
	show("watch updates only", watchOnce(kv.WatchAll(ctx, jetstream.UpdatesOnly())))
	show("watch without deletes and values", watchOnce(kv.WatchAll(ctx, jetstream.IgnoreDeletes(), jetstream.MetaOnly())))
	show("watch from a revision", watchOnce(kv.WatchAll(ctx, jetstream.ResumeFromRevision(15))))
	show("watch two patterns", watchOnce(kv.WatchFiltered(ctx, []string{"c", "em*", "a.>"})))
	must(kv.Create(ctx, "short", []byte("life"), jetstream.KeyTTL(time.Second)))
	w = must(kv.Watch(ctx, "short"))
	show("a key with a life of its own", watched(w))
	time.Sleep(4 * time.Second)
	show("its marker", watched(w))
	w.Stop()
	show("behind its time", entry(kv.Get(ctx, "short")))
	show("purge of deletes", kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(-1)))
	show("keys", sorted(kv.Keys(ctx)))
	config := jetstream.KeyValueConfig{Bucket: "CONFIG", History: 3, LimitMarkerTTL: time.Minute}
	_, err = js.UpdateKeyValue(ctx, config)
	show("update of the bucket", err)
	_, err = js.CreateKeyValue(ctx, config)
	show("create with another configuration", err)
	var names []string
	for name := range js.KeyValueStoreNames(ctx).Name() {
		names = append(names, name)
	}
	show("buckets", names)
	show("delete the bucket", js.DeleteKeyValue(ctx, "CONFIG"))
	_, err = js.KeyValue(ctx, "CONFIG")
	show("a bucket that is gone", err)
}

func aging(js jetstream.JetStream) {
	kv := must(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: "AGING", TTL: time.Second, Storage: jetstream.MemoryStorage}))
	must(kv.PutString(ctx, "short", "life"))
	show("before its time", entry(kv.Get(ctx, "short")))
	time.Sleep(2 * time.Second)
	show("behind its time", entry(kv.Get(ctx, "short")))
}

func object(store jetstream.ObjectStore, name string, data []byte) {
	sum := sha256.Sum256(data)
	info := must(store.Put(ctx, jetstream.ObjectMeta{Name: name}, bytes.NewReader(data)))
	digest := "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:])
	show("put "+name, info.Size, "bytes in", info.Chunks, "chunks, digest right", info.Digest == digest)
	got := must(store.GetBytes(ctx, name))
	show("get "+name, len(got), "bytes, equal", bytes.Equal(got, data))
}

func objects(js jetstream.JetStream, size int) {
	store := must(js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "FILES", Description: "some files"}))
	large := make([]byte, size)
	for i := range large {
		large[i] = byte(i * 7 % 251)
	}
	object(store, "empty", nil)
	object(store, "one", []byte("1"))
	object(store, "large", large)
	meta := jetstream.ObjectMeta{Name: "one", Description: "a text", Headers: nats.Header{"Kind": {"text"}},
		Metadata: map[string]string{"k": "v"}, Opts: &jetstream.ObjectMetaOptions{ChunkSize: 4}}
	must(store.Put(ctx, meta, strings.NewReader("changed")))
	info := must(store.GetInfo(ctx, "one"))
	show("info", info.Name, info.Description, info.Headers, info.Metadata, info.Size, info.Chunks, info.Deleted)
	show("list", names(store.List(ctx)))
	show("rename", store.UpdateMeta(ctx, "one", jetstream.ObjectMeta{Name: "renamed", Description: "another text"}))
	show("renamed", string(must(store.GetBytes(ctx, "renamed"))))
	_, err := store.GetInfo(ctx, "one")
	show("its old name", err)
	show("rename to one that is there", store.UpdateMeta(ctx, "renamed", jetstream.ObjectMeta{Name: "large"}))
	link := must(store.AddLink(ctx, "shortcut", must(store.GetInfo(ctx, "renamed"))))
	show("link", link.Name, *link.Opts.Link, string(must(store.GetBytes(ctx, "shortcut"))))
	_, err = store.AddLink(ctx, "longer", link)
	show("link to a link", err)
	other := must(js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "OTHER", Storage: jetstream.MemoryStorage}))
	bucket := must(store.AddBucketLink(ctx, "elsewhere", other))
	show("link to a store", *bucket.Opts.Link)
	show("delete", store.Delete(ctx, "renamed"))
	_, err = store.GetBytes(ctx, "renamed")
	show("get what is deleted", err)
	info, err = store.GetInfo(ctx, "renamed", jetstream.GetObjectInfoShowDeleted())
	show("info of what is deleted", info.Deleted, err)
	_, err = store.GetBytes(ctx, "nothing")
	show("get what was never there", err)
	watch := must(store.Watch(ctx))
	var seen []string
	for info := range watch.Updates() {
		if info == nil {
			break
		}
		seen = append(seen, fmt.Sprint(info.Name, " ", info.Deleted))
	}
	watch.Stop()
	show("watch", strings.Join(seen, ", "))
	status := must(store.Status(ctx))
	show("status", status.Bucket(), status.Description(), status.Storage(), status.Sealed(), status.Replicas(), status.Size() > uint64(size))
	show("seal", store.Seal(ctx))
	show("sealed", must(store.Status(ctx)).Sealed())
	_, err = store.PutBytes(ctx, "late", []byte("x"))
	show("put into a sealed store", err)
	show("delete from a sealed store", store.Delete(ctx, "large"))
	show("get from a sealed store", len(must(store.GetBytes(ctx, "large"))))
	show("delete the store", js.DeleteObjectStore(ctx, "FILES"))
	_, err = js.ObjectStore(ctx, "FILES")
	show("a store that is gone", err)
}

func names(list []*jetstream.ObjectInfo, err error) string {
	var out []string
	for _, info := range list {
		out = append(out, info.Name)
	}
	return sorted(out, err)
}

func main() {
	defer cancel()
	nc := must(nats.Connect(os.Args[1]))
	defer nc.Close()
	js := must(jetstream.New(nc))
	keyValue(js)
	aging(js)
	objects(js, must(strconv.Atoi(os.Args[2])))
}
