using System.Collections.Frozen;
using System.Linq.Expressions;
using System.Reflection;
using Orleans.Concurrency;

namespace Orleans.Runtime;

/// <summary>What <see cref="IGrainFactory.GetGrain{T}"/> returns, cast to the grain's interface; it turns calls into requests.</summary>
#pragma warning disable MA0053 // The proxies derive from it.
internal class GrainReference : DispatchProxy, IAddressable
#pragma warning restore MA0053
{
    private FrozenDictionary<MethodInfo, GrainMethod> methods = FrozenDictionary<MethodInfo, GrainMethod>.Empty;

    public GrainClass Class { get; private set; } = null!;

    public string Key { get; private set; } = "";

    public GrainId GrainId => GrainId.Create(Class.Name, Key);

    /// <summary>A reference without a key, from which others are cloned: the generated class has no constructor to call cheaply.</summary>
    public static GrainReference Prototype(Type grainInterface, GrainClass grainClass)
    {
        var reference = (GrainReference)Create(grainInterface, typeof(GrainReference));
        reference.Class = grainClass;
        reference.methods = grainInterface.GetInterfaces().Append(grainInterface)
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance))
            .ToFrozenDictionary(method => method, method => new GrainMethod(method));
        return reference;
    }

    public GrainReference To(string key)
    {
        var reference = (GrainReference)MemberwiseClone();
        reference.Key = key;
        return reference;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        methods.TryGetValue(targetMethod!, out var method)
            ? method.Call(this, args!)
            : throw new NotSupportedException($"{targetMethod} cannot be called through a grain reference.");

    public override bool Equals(object? obj) => obj is GrainReference other && other.Class == Class && other.Key == Key;

    public override int GetHashCode() => HashCode.Combine(Class, Key);

    public override string ToString() => GrainId.ToString();
}

/// <summary>A method of a grain interface: how to call it, compiled once.</summary>
internal sealed class GrainMethod
{
    private readonly MethodInfo method;
    private readonly Func<GrainReference, GrainMethod, object?[], GrainCall> createCall;
    private readonly Func<Task, object> toReturnType;
    private readonly Lazy<Func<Grain, object?[], Task?>> invoke;

    public GrainMethod(MethodInfo method)
    {
        this.method = method;
        IsOneWay = method.IsDefined(typeof(OneWayAttribute));
        AlwaysInterleaves = method.IsDefined(typeof(AlwaysInterleaveAttribute));
        (createCall, toReturnType) = Shape(method.ReturnType);
        invoke = new(Compile);
    }

    public bool IsOneWay { get; }

    public bool AlwaysInterleaves { get; }

    public object Call(GrainReference target, object?[] arguments) => toReturnType(createCall(target, this, arguments).Send());

    public Task? Invoke(Grain instance, object?[] arguments) => invoke.Value(instance, arguments);

    public override string ToString() => $"{method.DeclaringType!.Name}.{method.Name}";

    private (Func<GrainReference, GrainMethod, object?[], GrainCall>, Func<Task, object>) Shape(Type type)
    {
        if (type == typeof(Task))
            return (CreatePlain, static task => task);
        if (type == typeof(ValueTask))
            return (CreatePlain, static task => new ValueTask(task));
        if (IsOneWay || !type.IsGenericType || method.IsGenericMethodDefinition)
            throw new NotSupportedException($"{this}: a grain method returns a task, without a result if it is one-way, and is not generic.");

        var result = type.GetGenericArguments()[0];
        var create = Generic<Func<GrainReference, GrainMethod, object?[], GrainCall>>(nameof(CreateResult), result);
        if (type.GetGenericTypeDefinition() == typeof(Task<>))
            return (create, static task => task);
        if (type.GetGenericTypeDefinition() == typeof(ValueTask<>))
            return (create, Generic<Func<Task, object>>(nameof(ToValueTask), result));
        throw new NotSupportedException($"{this}: {type} is not a task.");
    }

    private static TDelegate Generic<TDelegate>(string name, Type result) where TDelegate : Delegate =>
        typeof(GrainMethod).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(result).CreateDelegate<TDelegate>();

    private static PlainCall CreatePlain(GrainReference target, GrainMethod method, object?[] arguments) => new(target, method, arguments);

    private static ResultCall<T> CreateResult<T>(GrainReference target, GrainMethod method, object?[] arguments) => new(target, method, arguments);

#pragma warning disable CA1859 // It becomes a delegate to object.
    private static object ToValueTask<T>(Task task) => new ValueTask<T>((Task<T>)task);
#pragma warning restore CA1859

    /// <summary><c>(grain, arguments) => ((IInterface)grain).Method((T0)arguments[0], …)</c>, as a task where it is a value task.</summary>
    private Func<Grain, object?[], Task?> Compile()
    {
        var grain = Expression.Parameter(typeof(Grain));
        var arguments = Expression.Parameter(typeof(object?[]));
        Expression call = Expression.Call(
            Expression.Convert(grain, method.DeclaringType!),
            method,
            method.GetParameters().Select((parameter, index) =>
                Expression.Convert(Expression.ArrayIndex(arguments, Expression.Constant(index)), parameter.ParameterType)));
        if (method.ReturnType.IsValueType)
            call = Expression.Call(call, nameof(ValueTask.AsTask), null);
        return Expression.Lambda<Func<Grain, object?[], Task?>>(call, grain, arguments).Compile();
    }
}
