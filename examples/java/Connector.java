import farhand.client.ApiClient;
import farhand.client.ApiException;
import farhand.client.api.AuthApi;
import farhand.client.api.RtcControllerApi;
import farhand.client.model.CallLog;
import farhand.client.model.CallLogContact;
import farhand.client.model.CallLogEvent;
import farhand.client.model.CallStatus;
import farhand.client.model.CallType;
import farhand.client.model.CreateCallRequest;
import farhand.client.model.LoginRequest;
import farhand.client.model.LoginResponse;
import java.util.List;

/** Brings an expert and a technician with smart glasses together, and follows the call until it is over. */
public final class Connector {
  private static final String DOMAIN = "ubimax";
  private static final long GLASSES = 12;

  private final RtcControllerApi calls;

  private Connector(RtcControllerApi calls) {
    this.calls = calls;
  }

  public static void main(String[] args) throws ApiException, InterruptedException {
    var client = new ApiClient();
    client.updateBaseUri(args.length > 0 ? args[0] : "http://127.0.0.1:8080");
    logIn(client, "connector1", "demo");
    // Takes the address and the token over from the client as they are now.
    var connector = new Connector(new RtcControllerApi(client));
    connector.follow(connector.broker("Pump 7 leaks", "tester"));
  }

  private static void logIn(ApiClient client, String userId, String password) throws ApiException {
    var account = new LoginRequest().domain(DOMAIN).userId(userId).password(password);
    LoginResponse login = new AuthApi(client).login(account);
    client.setRequestInterceptor(request -> request.header("authorization", "Bearer " + login.getAccessToken()));
  }

  /** The expert is rung now, and the glasses once the expert has taken the call. */
  private CallLog broker(String title, String expert) throws ApiException {
    var call = new CreateCallRequest()
        .callType(CallType.MESH)
        .callTitle(title)
        .creatorUser(GLASSES)
        .invitedContacts(List.of(user(expert), user("connector1")));
    CallLog created = calls.createCallForContacts(call);
    System.out.println("Call " + created.getCallId() + " was created.");
    return created;
  }

  private static CallLogContact user(String userId) {
    return new CallLogContact().domain(DOMAIN).userId(userId);
  }

  private void follow(CallLog call) throws ApiException, InterruptedException {
    int told = 0;
    while (true) {
      List<CallLogEvent> events = call.getCallEvents();
      for (CallLogEvent event : events.subList(told, events.size())) {
        System.out.println(event.getType() + " " + event.getContact().getUserId());
      }
      told = events.size();
      if (call.getCallStatus() == CallStatus.ENDED) {
        return;
      }
      Thread.sleep(1000);
      call = calls.getCallLogById(call.getCallId());
    }
  }
}
