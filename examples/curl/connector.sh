#!/bin/sh
# Brings an expert and the technician with the database id 12 together, and follows the call until it is over. Needs curl.
#
#   ./connector.sh [http://127.0.0.1:8080]
set -eu

server=${1:-http://127.0.0.1:8080}

# The value of a text member of the JSON on standard input.
member() {
  sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

token=$(curl --silent --show-error --fail-with-body "$server/auth/login" \
  --data '{"domain":"ubimax","userId":"connector1","password":"demo"}' | member accessToken)

call=$(curl --silent --show-error --fail-with-body "$server/rtc/createCall" \
  --header "authorization: Bearer $token" \
  --data '{"callType":"MESH","callTitle":"Pump 7 leaks","creatorUser":12,
    "invitedContacts":[{"userId":"tester","domain":"ubimax"},{"userId":"connector1","domain":"ubimax"}]}')
id=$(echo "$call" | member callId)
echo "Call $id was created."

until [ "$(echo "$call" | member callStatus)" = Ended ]; do
  sleep 1
  call=$(curl --silent --show-error --fail-with-body "$server/rtc/getCallLogById?callId=$id" \
    --header "authorization: Bearer $token")
done
echo "The call is over:"
echo "$call"
