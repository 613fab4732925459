# Shell functions for trying the hub out. Load them with: . examples/shell.sh

HUB=${HUB:-http://127.0.0.1:4000}

# send KEY < DOCUMENT: sends a GraphQL document with an API key, and prints the response.
send() {
  ANSWER=$(send_document "$1")
  echo "$ANSWER"
}

# follow KEY < DOCUMENT: prints the events of a subscription until ctrl-C.
follow() { send_document "$1" -N -H 'accept: text/event-stream'; }

# from PATH: prints one value of the last response: from submitPayment.payment.id
from() {
  node -p 'process.argv[1].split(".").reduce((value, key) => value[key], JSON.parse(process.argv[2]).data)' \
    "$1" "$ANSWER"
}

# send_document KEY [OPTIONS OF CURL] < DOCUMENT
send_document() {
  local key=$1
  shift
  node -p 'JSON.stringify({ query: fs.readFileSync(0, "utf8") })' |
    curl -s "$HUB/graphql" -H "authorization: Bearer $key" -H 'content-type: application/json' -d @- "$@"
}
