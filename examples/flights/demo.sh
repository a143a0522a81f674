#!/usr/bin/env bash
# The main job on real data, from raw flights to a model that was watched and replaced. Called by `./dev demo`.
#
#   demo.sh FOLDER DATA      FOLDER is made anew; DATA is flights-3m.parquet of vega-datasets
set -euo pipefail

folder=$1
data=$2
here=$(cd "$(dirname "$0")" && pwd)
started=$SECONDS

headline() { printf '\n\033[1m%s\033[0m\n' "$1"; }

server_pid=
stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
  fi
}
trap stop_server EXIT

rm -rf "$folder"
mkdir -p "$folder/data"
cp -r "$here/caisson.yaml" "$here/dvc.yaml" "$here/params.yaml" "$here/sql" "$here/checks" "$folder/"
cp "$data" "$folder/data/flights.parquet"
cd "$folder"

headline "1-7  Ingest, check, prepare, train, track, register, gate   (caisson run)"
caisson run

headline "     The candidates, as any MLflow client sees them   (caisson runs list)"
caisson runs list --order-by 'metrics.auc DESC'

headline "8    Serve, and replay May and June over HTTP   (caisson up, caisson endpoints replay)"
caisson query --file sql/prepare.sql --input flights=data/flights.parquet --params params.yaml:prepare \
  --output replay=features/replay.parquet
rm -f ready.json
caisson up --http 127.0.0.1:0 --ready-file ready.json >server.log 2>&1 &
server_pid=$!
for _ in $(seq 100); do
  [ -s ready.json ] && break
  kill -0 "$server_pid" 2>/dev/null || { cat server.log >&2; exit 1; }
  sleep 0.1
done
[ -s ready.json ] || { echo "the server did not get ready; see $folder/server.log" >&2; exit 1; }
caisson endpoints replay delay --file features/replay.parquet --time date --target late --every 8 --hold-rate 600

headline "8    What the monitor saw, week by week   (caisson monitors report)"
caisson monitors evaluate delay --final >/dev/null
caisson monitors report delay
caisson monitors report delay --html report.html

headline "9    How the server reacted, with nobody's hand on it   (caisson jobs list, caisson endpoints show)"
caisson jobs list
echo
caisson models list delay
echo
caisson endpoints show delay

headline "10   Why that model answers   (caisson explain endpoint delay)"
caisson explain endpoint delay
caisson explain endpoint delay --format svg --out explain.svg

stop_server
printf '\nDone in %s s. The project is in %s:\n' "$((SECONDS - started))" "$folder"
printf '  report.html, explain.svg          the monitor with plots, and the chain of evidence\n'
printf '\nNext:\n'
printf '  ./dev up                          leaves the server running on this folder\n'
printf '  caisson plan                      what would change\n'
printf '  caisson explain prediction ID     the chain behind one answer\n'
