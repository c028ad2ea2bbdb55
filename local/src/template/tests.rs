use super::*;

fn deployment() -> Deployment {
    Deployment { parameters: BTreeMap::new(), queue_endpoint: "http://127.0.0.1:3001".into() }
}

fn parse(text: &str) -> Result<Template, TemplateError> {
    Template::parse(text, &deployment())
}

/// A template with one function whose environment variable `X` has that value.
fn with_value(value: &str) -> String {
    format!(
        "Parameters:\n  Given: {{Type: Number, Default: 60, MinValue: 25}}\nConditions:\n  IsSixty: !Equals [!Ref Given, 60]\n  \
         IsOther: !Not [!Condition IsSixty]\nResources:\n  Q: {{Type: AWS::SQS::Queue}}\n  T:\n    Type: AWS::DynamoDB::Table\n    \
         Properties: {{BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [], KeySchema: []}}\n  F:\n    Type: AWS::Serverless::Function\n    \
         Metadata: {{BuildProperties: {{Binary: f}}}}\n    Properties: {{Timeout: 3, MemorySize: 128, Environment: {{Variables: {{X: {value}}}}}}}\n"
    )
}

fn value(value: &str) -> Result<Option<String>, TemplateError> {
    let template = parse(&with_value(value))?;
    Ok(template.function("F").unwrap().environment.get("X").cloned())
}

#[test]
fn every_intrinsic_is_resolved() {
    for (written, expected) in [
        ("!Ref Given", "60"),
        ("{Ref: Given}", "60"),
        ("!Ref T", "T"),
        ("!Ref F", "F"),
        ("!Ref Q", "http://127.0.0.1:3001/000000000000/Q"),
        ("!Ref AWS::Region", "eu-north-1"),
        ("!GetAtt F.Arn", "arn:aws:lambda:eu-north-1:000000000000:function:F"),
        ("!GetAtt [Q, Arn]", "arn:aws:sqs:eu-north-1:000000000000:Q"),
        ("!GetAtt T.Arn", "arn:aws:dynamodb:eu-north-1:000000000000:table/T"),
        (
            "!Sub \"${T.Arn}/index/i-${Given}-${!Given}\"",
            "arn:aws:dynamodb:eu-north-1:000000000000:table/T/index/i-60-${Given}",
        ),
        ("!Sub [\"${A}-${Given}\", {A: !Ref T}]", "T-60"),
        ("!If [IsSixty, yes!, no!]", "yes!"),
        ("!If [IsOther, yes!, no!]", "no!"),
        ("7", "7"),
        ("true", "true"),
    ] {
        assert_eq!(value(written).unwrap().as_deref(), Some(expected), "{written}");
    }
    assert_eq!(value("!Ref AWS::NoValue").unwrap(), None);
}

#[test]
fn what_is_not_known_is_an_error_that_names_its_place() {
    for (written, problem) in [
        ("!ImportValue x", "ImportValue"),
        ("{\"Fn::Base64\": x}", "Base64"),
        ("!Ref Nothing", "Nothing"),
        ("!GetAtt Q.QueueName", "Q.QueueName"),
        ("!Sub \"${Nothing}\"", "Nothing"),
        ("!If [Undeclared, a, b]", "Undeclared"),
    ] {
        let error = value(written).unwrap_err();
        assert_eq!(error.place, "Resources.F.Properties.Environment.Variables.X", "{written}");
        assert!(error.problem.contains(problem), "{error}");
    }
}

#[test]
fn an_unknown_resource_property_event_or_parameter_is_refused() {
    let error = parse("Resources:\n  B: {Type: AWS::S3::Bucket}").unwrap_err();
    assert_eq!((error.place.as_str(), error.problem.contains("AWS::S3::Bucket")), ("Resources.B", true));
    let error = parse("Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}").unwrap_err();
    assert!(error.problem.contains("FifoQueue"), "{error}");
    let event = with_value("1").replace("Timeout: 3", "Timeout: 3, Events: {E: {Type: S3, Properties: {}}}");
    assert!(parse(&event).unwrap_err().problem.contains("S3"));
    let overrides = Deployment { parameters: [("Typo".to_owned(), "1".to_owned())].into(), ..deployment() };
    assert_eq!(Template::parse(&with_value("1"), &overrides).unwrap_err().place, "Parameters.Typo");
}

#[test]
fn an_override_may_be_below_the_minimum_of_a_deployment() {
    let overrides = Deployment { parameters: [("Given".to_owned(), "2".to_owned())].into(), ..deployment() };
    let template = Template::parse(&with_value("!Ref Given"), &overrides).unwrap();
    assert_eq!(template.function("F").unwrap().environment["X"], "2");
}

#[test]
fn globals_are_merged_under_the_function() {
    let text = with_value("own").replace(
        "Resources:",
        "Globals: {Function: {Timeout: 9, MemorySize: 512, Environment: {Variables: {X: global, Y: \"both\"}}}}\nResources:",
    );
    let template = parse(&text.replace(", MemorySize: 128", "")).unwrap();
    let function = template.function("F").unwrap();
    assert_eq!((function.timeout, function.memory_mb), (Duration::from_secs(3), 512));
    assert_eq!(function.environment, [("X".to_owned(), "own".to_owned()), ("Y".to_owned(), "both".to_owned())].into());
}

#[test]
fn the_embedded_template_is_understood() {
    let template = Template::embedded(&deployment()).unwrap();
    let reads = template.function("AcquisitionAuditFunction").unwrap();
    assert_eq!(reads.routes.len(), 7);
    assert!(
        reads
            .routes
            .iter()
            .all(|route| route.method == "GET" && route.authorizer.as_deref() == Some("OkapiAuthorizer"))
    );
    assert_eq!(reads.environment["TABLE_NAME"], "Table");

    let dispatch = template.function("ExportDispatchFunction").unwrap();
    assert_eq!(dispatch.schedules[0].every, Duration::from_mins(5));
    assert_eq!(dispatch.environment["EXPORT_RUN_FUNCTION"], "ExportRunFunction");
    assert_eq!(template.function("ExportRunFunction").unwrap().environment["SETTLE_SECONDS"], "60");

    let ingest = template.function("IngestFunction").unwrap();
    assert_eq!(ingest.asynchronous, AsyncPolicy { retries: 2, on_failure: Some("DeadLetterQueue".into()) });
    assert_eq!(
        ingest.queue_sources,
        [QueueSource { queue: "IngestQueue".into(), batch_size: 10, reports_item_failures: true }]
    );
    assert_eq!(ingest.environment["DEAD_LETTER_QUEUE_URL"], "http://127.0.0.1:3001/000000000000/DeadLetterQueue");

    let okapi = &template.authorizers["OkapiAuthorizer"];
    assert_eq!((okapi.identity_header.as_str(), okapi.function.as_str()), ("x-okapi-token", "AuthorizerFunction"));
    assert_eq!(template.tables[0].ttl_attribute.as_deref(), Some("ttl"));
    assert_eq!(template.queues[1].redrive, Some(Redrive { queue: "DeadLetterQueue".into(), max_receives: 1_000 }));
}

#[test]
fn every_reference_between_the_parts_holds() {
    let template = Template::embedded(&deployment()).unwrap();
    let queues: Vec<_> = template.queues.iter().map(|queue| &queue.logical_id).collect();
    for function in &template.functions {
        assert!(
            function
                .routes
                .iter()
                .filter_map(|route| route.authorizer.as_ref())
                .all(|name| template.authorizers.contains_key(name))
        );
        assert!(function.queue_sources.iter().all(|source| queues.contains(&&source.queue)));
        assert!(function.asynchronous.on_failure.iter().all(|queue| queues.contains(&queue)));
    }
    assert!(template.authorizers.values().all(|authorizer| template.function(&authorizer.function).is_some()));
}

/// A template with one function that has these policies.
fn with_policies(policies: &str) -> String {
    with_value("1").replace("Timeout: 3", &format!("Timeout: 3, Policies: {policies}"))
}

#[test]
fn policies_are_read_with_their_intrinsics() {
    let statement = "{Sid: S, Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Q.Arn}";
    let conditional = "!If [IsOther, {Sid: T, Effect: Allow, Action: 'a:B', Resource: '*'}, !Ref AWS::NoValue]";
    let template = parse(&with_policies(&format!("[{{Statement: [{statement}, {conditional}]}}]"))).unwrap();
    let [policy] = template.function("F").unwrap().policies.as_slice() else { panic!("one policy") };
    let [statement] = policy.statements() else { panic!("one statement") };
    assert_eq!(statement.sid(), Some("S"));
    assert_eq!(statement.resources(), ["arn:aws:sqs:eu-north-1:000000000000:Q"]);
}

#[test]
fn a_policy_that_is_not_evaluated_stops_the_start() {
    let allow = |more: &str| format!("{{Effect: Allow, Action: 'a:B', Resource: '*'{more}}}");
    for (policies, problem) in [
        ("[AWSLambdaBasicExecutionRole]".to_owned(), "not evaluated"),
        ("[{SQSPollerPolicy: {QueueName: q}}]".to_owned(), "not evaluated"),
        (
            format!("[{{Statement: [{}]}}]", allow(", Sid: S, Condition: {Bool: {'aws:SecureTransport': true}}")),
            "not evaluated",
        ),
        (format!("[{{Statement: [{}]}}]", allow("")), "without Sid"),
        (format!("[{{Statement: [{0}, {0}]}}]", allow(", Sid: S")), "two statements are called S"),
    ] {
        let error = parse(&with_policies(&policies)).unwrap_err();
        assert!(error.problem.contains(problem), "{policies}: {error}");
    }
}
